using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Litespark.Energy;
using Litespark.Energy.Nvml;

namespace Litespark.Tests.Energy.Nvml;

/// <summary>Kinds of simulated GPU, as in <c>standin_nvml.c</c>.</summary>
internal enum StandInGpu
{
    Rtx3080Ti = 0,
    H200 = 1,
    Tomorrow = 2,
}

/// <summary>
/// NVIDIA's management library over simulated GPUs (<c>standin_nvml.c</c>, built by gcc), and the strings to pull. Every
/// instance is a library of its own. Its time stands still until it is advanced.
/// </summary>
internal sealed unsafe class StandInNvml : TimeProvider, IDisposable
{
    static readonly Lazy<byte[]> current = new(() => Build([])), older = new(() => Build(["-DOLDER_DRIVER"]));

    // The alarm rings on the thread that waits.
    [ThreadStatic] static Action? alarm;
    [ThreadStatic] static Exception? alarmError;

    readonly nint library;
    readonly delegate* unmanaged<long> now;
    int count;

    StandInNvml(byte[] image)
    {
        FilePath = Path.Combine(Directory.CreateTempSubdirectory("litespark-nvml-").FullName, "libstandin_nvml.so");
        File.WriteAllBytes(FilePath, image);
        library = NativeLibrary.Load(FilePath);
        now = (delegate* unmanaged<long>)Export("standin_now");
    }

    /// <summary>The library's file.</summary>
    public string FilePath { get; }

    /// <summary>Time in nanoseconds.</summary>
    public override long TimestampFrequency => 1_000_000_000;

    /// <summary>Initialisations that were not shut down.</summary>
    public int Users => ((delegate* unmanaged<int>)Export("standin_users"))();

    /// <summary>A library with GPUs of these kinds, named <c>GPU-0…</c> at <c>0000:01:00.0…</c>.</summary>
    public static StandInNvml Create(params ReadOnlySpan<StandInGpu> gpus) => Create(current.Value, gpus);

    /// <summary>As <see cref="Create(ReadOnlySpan{StandInGpu})"/>, without the functions that came with newer drivers.</summary>
    public static StandInNvml CreateOlder(params ReadOnlySpan<StandInGpu> gpus) => Create(older.Value, gpus);

    /// <summary>How to meter GPUs here.</summary>
    public EnergyMeterOptions Options(params string[] gpus) => new() { Gpus = gpus, NvmlLibrary = FilePath, Time = this, VisibleGpus = null, GpuOrder = null, SysfsRoot = "/nowhere" };

    public override long GetTimestamp() => now();

    public void Add(StandInGpu kind) => Add(kind, $"GPU-{count}2345678-0000-0000-0000-000000000000", $"0000:{count + 1:x2}:00.0");

    public void Add(StandInGpu kind, string uuid, string busId)
    {
        fixed (byte* id = Bytes(uuid), bus = Bytes(busId)) ((delegate* unmanaged<int, byte*, byte*, int>)Export("standin_add"))((int)kind, id, bus);
        count++;
    }

    public void Advance(double seconds) => ((delegate* unmanaged<double, int>)Export("standin_advance"))(seconds);

    /// <summary>Shares of core and memory that are busy until changed.</summary>
    public void Load(int gpu, double core, double memory) => ((delegate* unmanaged<int, double, double, int>)Export("standin_load"))(gpu, core, memory);

    /// <summary>Runs a kernel; returns its seconds.</summary>
    public double Run(int gpu, double coreMegacycles, double memoryMegacycles)
        => ((delegate* unmanaged<int, double, double, double>)Export("standin_run"))(gpu, coreMegacycles, memoryMegacycles);

    /// <summary>Launches a kernel, which runs when those before it are done and time passes.</summary>
    public void Launch(int gpu, double coreMegacycles, double memoryMegacycles)
        => ((delegate* unmanaged<int, double, double, int>)Export("standin_launch"))(gpu, coreMegacycles, memoryMegacycles);

    /// <summary>Waits for a GPU's kernels; an alarm that is due meanwhile rings.</summary>
    public void Wait(int gpu)
    {
        ((delegate* unmanaged<int, int>)Export("standin_wait"))(gpu);
        if (alarmError is { } error) throw new InvalidOperationException("the alarm failed", error);
    }

    /// <summary>Does something at a time (<see cref="GetTimestamp"/>), while something waits for kernels; null takes the alarm back.</summary>
    public void SetAlarm(long timestamp, Action? action)
    {
        alarm = action;
        ((delegate* unmanaged<long, delegate* unmanaged<void>, int>)Export("standin_alarm"))(action is null ? long.MaxValue : timestamp, &Ring);
    }

    /// <summary>The energy that a GPU has truly used.</summary>
    public double Joules(int gpu) => ((delegate* unmanaged<int, double>)Export("standin_joules"))(gpu);

    /// <summary>The core's clock now, as NVML tells it.</summary>
    public int CoreMegahertz(int gpu)
    {
        using NvmlLibrary nvml = NvmlLibrary.Open(FilePath);
        nvml.ByIndex(gpu, out nint device);
        Assert.Equal(NvmlReturn.Success, nvml.ClockInfo(device, NvmlClock.Graphics, out uint megahertz));
        return (int)megahertz;
    }

    public void SetCounter(int gpu, double joules) => ((delegate* unmanaged<int, double, int>)Export("standin_counter"))(gpu, joules);

    public void SetAbilities(int gpu, bool counter = true, bool instant = true, bool power = true, bool mig = false)
        => ((delegate* unmanaged<int, int, int, int, int, int>)Export("standin_abilities"))(gpu, counter ? 1 : 0, instant ? 1 : 0, power ? 1 : 0, mig ? 1 : 0);

    /// <summary>Lets a function return an error; 0 mends it.</summary>
    public void Fail(string function, int code)
    {
        fixed (byte* name = Bytes(function)) ((delegate* unmanaged<byte*, int, int>)Export("standin_fail"))(name, code);
    }

    /// <summary>Time that a read of the energy counter takes.</summary>
    public void SetReadSeconds(double seconds) => ((delegate* unmanaged<double, int>)Export("standin_read_seconds"))(seconds);

    public void SetValueType(int type) => ((delegate* unmanaged<int, int>)Export("standin_value_type"))(type);

    /// <summary>Calls NVML as any program could; the GPU is the one of this index.</summary>
    public int Call(string function, int gpu, params ReadOnlySpan<uint> arguments)
    {
        nint device, address = Export(function);
        ((delegate* unmanaged<uint, nint*, int>)Export("nvmlDeviceGetHandleByIndex_v2"))((uint)gpu, &device);
        return arguments.Length == 0
            ? ((delegate* unmanaged<nint, int>)address)(device)
            : ((delegate* unmanaged<nint, uint, uint, int>)address)(device, arguments[0], arguments[1]);
    }

    public void Dispose()
    {
        NativeLibrary.Free(library);
        Directory.Delete(Path.GetDirectoryName(FilePath)!, recursive: true);
    }

    static StandInNvml Create(byte[] image, ReadOnlySpan<StandInGpu> gpus)
    {
        var nvml = new StandInNvml(image);
        foreach (StandInGpu kind in gpus) nvml.Add(kind);
        return nvml;
    }

    [UnmanagedCallersOnly]
    static void Ring()
    {
        try
        {
            alarm?.Invoke();
        }
        catch (Exception error)
        {
            alarmError = error; // no exception crosses native code
        }
    }

    static byte[] Build(string[] defines)
    {
        string folder = Directory.CreateTempSubdirectory("litespark-nvml-").FullName, output = Path.Combine(folder, "nvml.so");
        try
        {
            string[] arguments = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", .. defines, "-o", output, SourceFile(), "-lm", "-lpthread"];
            (int code, string messages) = StandInLibrary.Gcc(arguments)!.Value;
            Assert.True(code == 0, messages);
            return File.ReadAllBytes(output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static string SourceFile([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "standin_nvml.c");

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + '\0');

    nint Export(string name) => NativeLibrary.GetExport(library, name);
}
