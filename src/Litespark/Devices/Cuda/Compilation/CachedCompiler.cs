using System.Security.Cryptography;
using System.Text;

namespace Litespark.Devices.Cuda.Compilation;

/// <summary>Asks a cache before the compiler.</summary>
/// <param name="compiler">Who compiles what is not in the cache; its identity names options and architecture.</param>
/// <param name="cache">Where results are kept.</param>
/// <param name="driverVersion">CUDA version of the driver: what loads the results.</param>
/// <param name="text">The whole text of a kernel file by its name; that which is embedded, if null.</param>
internal sealed class CachedCompiler(IKernelCompiler compiler, KernelCache cache, int driverVersion, Func<string, string>? text = null) : IKernelCompiler
{
    /// <inheritdoc/>
    public string Identity => compiler.Identity;

    /// <inheritdoc/>
    public string? Notice => compiler.Notice;

    /// <inheritdoc/>
    public byte[] Compile(KernelVariant variant)
    {
        string key = Key(variant);
        if (cache.Read(key) is { } image) return image;
        image = compiler.Compile(variant);
        cache.Write(key, image);
        return image;
    }

    string Key(KernelVariant variant)
    {
        string[] parts = [compiler.Identity, $"driver {driverVersion}", variant.File, .. variant.Defines, text is null ? KernelText.Flatten(variant.File) : text(variant.File)];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))));
    }
}
