using System.Collections.Concurrent;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Launching;

/// <summary>The kernels of a device: compiled when they are first asked for, or many at once ahead of that. Thread-safe.</summary>
internal sealed class KernelLibrary(ICudaDriver driver, IKernelCompiler compiler) : IDisposable
{
    readonly ConcurrentDictionary<KernelVariant, Lazy<byte[]>> images = [];
    readonly ConcurrentDictionary<KernelVariant, Lazy<CudaModule>> modules = [];

    /// <summary>The driver whose kernels these are.</summary>
    public ICudaDriver Driver => driver;

    /// <summary>Compiles variants on several threads, so that asking for them later takes no time.</summary>
    public void Prepare(IEnumerable<KernelVariant> variants) => Parallel.ForEach(variants.Distinct(), variant => _ = Image(variant));

    /// <summary>A kernel of a variant by its name.</summary>
    public nint Function(KernelVariant variant, string name)
        => modules.GetOrAdd(variant, key => new Lazy<CudaModule>(() => new CudaModule(driver, Image(key)))).Value.Function(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Lazy<CudaModule> module in modules.Values.Where(module => module.IsValueCreated)) module.Value.Dispose();
        modules.Clear();
    }

    byte[] Image(KernelVariant variant) => images.GetOrAdd(variant, key => new Lazy<byte[]>(() => compiler.Compile(key))).Value;
}
