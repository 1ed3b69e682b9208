using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>A library of emulated kernels.</summary>
internal sealed class EmulatedModule(string path) : IDisposable
{
    readonly nint library = NativeLibrary.Load(path);
    readonly Dictionary<string, EmulatedFunction> functions = [];

    /// <summary>Where it lies.</summary>
    public string Path => path;

    /// <summary>A kernel by its name.</summary>
    public EmulatedFunction Function(string name)
    {
        if (functions.TryGetValue(name, out EmulatedFunction? known)) return known;
        if (!NativeLibrary.TryGetExport(library, "emulate_" + name, out nint run) || !NativeLibrary.TryGetExport(library, "parameters_" + name, out nint parameters))
            throw new CudaException($"no kernel is called {name} in {System.IO.Path.GetFileName(path)} (is a line KERNEL({name}) missing?)");
        return functions[name] = new EmulatedFunction(this, name, run, parameters);
    }

    /// <inheritdoc/>
    public void Dispose() => NativeLibrary.Free(library);
}

/// <summary>An emulated kernel.</summary>
internal sealed unsafe partial class EmulatedFunction
{
    const int ReportBytes = 4096, LargestBlock = 1024, FaultsBytes = 4096;

    /// <summary>Sets of stacks for the threads of a block that no launch is using: as many sets as launches have run at a time, kept to the end.</summary>
    static readonly ConcurrentBag<nint> Stacks = [];

    /// <summary>The process's table of running launches, which its handler of faults looks into (Faults in C++).</summary>
    static readonly nint Faults = (nint)NativeMemory.AllocZeroed(FaultsBytes);

    readonly EmulatedModule module;
    readonly delegate* unmanaged<void**, LaunchDescription*, int> run;

    public EmulatedFunction(EmulatedModule module, string name, nint run, nint parameters)
    {
        this.module = module;
        this.run = (delegate* unmanaged<void**, LaunchDescription*, int>)run;
        Name = name;
        int* sizes = stackalloc int[256];
        int count = ((delegate* unmanaged<int*, int>)parameters)(sizes);
        ParameterSizes = new ReadOnlySpan<int>(sizes, count).ToArray();
    }

    /// <summary>Name in the kernel's text.</summary>
    public string Name { get; }

    /// <summary>Bytes of each parameter.</summary>
    public int[] ParameterSizes { get; }

    /// <summary>Dynamic shared memory that launches may ask for.</summary>
    public int AllowedSharedBytes { get; set; } = 48 << 10;

    /// <summary>What the emulator's C++ calls Launch.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct LaunchDescription
    {
        public int GridX, GridY, GridZ, Block, SharedBytes;
        public uint Seed;
        public EmulatedMemory.Range* Ranges;
        public long RangeCount;
        public byte* Report;
        public long ReportBytes;
        public nint* Stacks;
        public nint Faults;
    }

    /// <summary>Runs all blocks. <paramref name="arguments"/> points to one pointer for each parameter.</summary>
    public void Run(in LaunchShape shape, void** arguments, uint seed, ReadOnlySpan<EmulatedMemory.Range> allocations)
    {
        byte* report = stackalloc byte[ReportBytes];
        if (!Stacks.TryTake(out nint stacks)) stacks = (nint)NativeMemory.AllocZeroed(LargestBlock, (nuint)sizeof(nint));
        try
        {
            Run(shape, arguments, seed, allocations, report, (nint*)stacks);
        }
        finally
        {
            Stacks.Add(stacks);
        }
    }

    void Run(in LaunchShape shape, void** arguments, uint seed, ReadOnlySpan<EmulatedMemory.Range> allocations, byte* report, nint* stacks)
    {
        fixed (EmulatedMemory.Range* ranges = allocations)
        {
            var launch = new LaunchDescription
            {
                GridX = shape.GridX, GridY = shape.GridY, GridZ = shape.GridZ, Block = shape.BlockX, SharedBytes = shape.SharedBytes, Seed = seed,
                Ranges = ranges, RangeCount = allocations.Length, Report = report, ReportBytes = ReportBytes, Stacks = stacks, Faults = Faults,
            };
            if (run(arguments, &launch) != 0) throw new CudaException(WithText(Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(report))));
        }
    }

    /// <summary>A report with the text of the lines that it names.</summary>
    string WithText(string report)
        => LineNumber().Replace(Instruction().Replace(report, match => $"line {EmulatedCompiler.LineOf(module.Path, match.Groups[1].Value)}"), match => $"{match.Value} `{EmulatedCompiler.Line(module.Path, int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))}`");

    [GeneratedRegex(@"\bline (\d+)")]
    private static partial Regex LineNumber();

    [GeneratedRegex(@"\binstruction ([0-9a-f]+)")]
    private static partial Regex Instruction();
}
