using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>A library with cuDNN's interface that computes on the processor, its work in the streams of an emulated GPU.</summary>
internal sealed unsafe class StandInCudnn : IDisposable
{
    /// <summary>Far above what the emulated GPU takes besides.</summary>
    const float SlowerByEach = 10_000;

    readonly TemporaryFolder folder = new();
    readonly nint library;
    readonly GCHandle driver;

    /// <param name="driver">The GPU.</param>
    /// <param name="version">cudnnGetVersion.</param>
    /// <param name="scratchBytes">Scratch memory that every plan takes at least.</param>
    /// <param name="engines">How many engines it proposes: of the first two one adds in any order and one cannot be built.</param>
    /// <param name="fallback">How many more in its second way.</param>
    public StandInCudnn(EmulatedDriver driver, int version = 90800, long scratchBytes = 4096, int engines = 4, int fallback = 0)
    {
        string path = folder.File("libcudnn.so.9");
        Build(path);
        library = NativeLibrary.Load(path);
        this.driver = GCHandle.Alloc(driver);
        ((delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(library, "stand_in_cudnn_version"))((nuint)version);
        ((delegate* unmanaged<long, void>)NativeLibrary.GetExport(library, "stand_in_cudnn_scratch"))(scratchBytes);
        ((delegate* unmanaged<int, int, void>)NativeLibrary.GetExport(library, "stand_in_cudnn_engines"))(engines, fallback);
        for (int engine = 0; engine < engines + fallback; engine++) Cost(engine, SlowerByEach * engine); // the order in which they are proposed
        ((delegate* unmanaged<delegate* unmanaged<nint, nint, nint, nint, void>, delegate* unmanaged<nint, float, void>, nint, void>)NativeLibrary.GetExport(library, "stand_in_cudnn_put"))(&Put, &Spend, GCHandle.ToIntPtr(this.driver));
        Library = new LibCudnn(library);
    }

    public LibCudnn Library { get; }

    /// <summary>Handles and descriptors not yet given back.</summary>
    public int Live => Number("stand_in_cudnn_live");

    public int Plans => Number("stand_in_cudnn_plans");

    /// <summary>Plans that ran.</summary>
    public int Runs => Number("stand_in_cudnn_runs");

    /// <summary>Attention that was put into a stream, recorded ones once.</summary>
    public int Forward => Number("stand_in_cudnn_forward_runs");

    /// <summary>The same of gradients.</summary>
    public int Gradients => Number("stand_in_cudnn_gradient_runs");

    /// <summary>Plans that ran by an engine.</summary>
    public int RunsBy(int engine) => ((delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "stand_in_cudnn_engine_runs"))(engine);

    /// <summary>Says how many milliseconds an engine's runs take.</summary>
    public void Cost(int engine, float milliseconds) => ((delegate* unmanaged<int, float, void>)NativeLibrary.GetExport(library, "stand_in_cudnn_cost"))(engine, milliseconds);

    /// <summary>Builds the library.</summary>
    public static void Build(string path) => StandInLibrary.BuildFile(path, "stand_in_cudnn.h", "stand_in_cudnn.c", "stand_in_cudnn_patterns.c", "stand_in_cudnn_run.c");

    public void Dispose()
    {
        driver.Free();
        folder.Dispose();
    }

    [UnmanagedCallersOnly]
    static void Put(nint user, nint stream, nint work, nint data) => ((EmulatedDriver)GCHandle.FromIntPtr(user).Target!).Enqueue(stream, work, data);

    [UnmanagedCallersOnly]
    static void Spend(nint user, float milliseconds) => ((EmulatedDriver)GCHandle.FromIntPtr(user).Target!).Spend(milliseconds);

    int Number(string function) => ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, function))();
}

/// <summary>A fact over the emulated GPU and a stand-in library.</summary>
sealed class EmulatedStandInFactAttribute : FactAttribute
{
    public EmulatedStandInFactAttribute() => Skip = EmulatedCompiler.Problem ?? (StandInLibrary.CanBuild ? null : StandInLibrary.Missing);
}

/// <summary>A theory over both.</summary>
sealed class EmulatedStandInTheoryAttribute : TheoryAttribute
{
    public EmulatedStandInTheoryAttribute() => Skip = EmulatedCompiler.Problem ?? (StandInLibrary.CanBuild ? null : StandInLibrary.Missing);
}
