using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;
using Litespark.Planning.Passes;

namespace Litespark.SelfTesting;

/// <summary>Which product with a weight.</summary>
internal enum SparseProductKind
{
    /// <summary>x · Wᵀ.</summary>
    Forward,

    /// <summary>dy · W.</summary>
    InputGradient,

    /// <summary>dyᵀ · x.</summary>
    WeightGradient,
}

/// <summary>Median seconds of a product: over live blocks, dense as the device does it, and dense by its own kernels.</summary>
internal readonly record struct SparseTimes(double Sparse, double Dense, double Own)
{
    /// <summary>Over the faster of the dense ones.</summary>
    public double Speedup => Math.Min(Dense, Own) / Sparse;

    public static SparseTimes operator +(SparseTimes a, SparseTimes b) => new(a.Sparse + b.Sparse, a.Dense + b.Dense, a.Own + b.Own);
}

/// <summary>What was found.</summary>
/// <param name="Times">Seconds of each.</param>
/// <param name="Error">‖sparse − dense‖ / ‖dense‖ in live blocks, of the first rows.</param>
/// <param name="Passed">Whether that, and the same of each kernel, is rounding.</param>
/// <param name="Library">Who computed the device's dense product; null for its own kernels.</param>
/// <param name="Kernels">What each of the device's kernels over live blocks took, where there is a choice.</param>
internal sealed record SparseFinding(SparseTimes Times, double Error, bool Passed, string? Library, IReadOnlyList<SparseKernelFinding> Kernels);

/// <summary>Median seconds and error of one kernel over live blocks.</summary>
internal sealed record SparseKernelFinding(string Name, double Seconds, double Error);

/// <summary>One product over a weight of which a quarter of the blocks live, and the dense product over the same numbers, on one device in turns.</summary>
internal sealed class SparseProductTrial
{
    const string PlanName = "product", Left = "left", Right = "right", Result = "result", Topology = "topology";
    const double LiveShare = 0.25, Tolerance = 1e-2;
    const int Pattern = 1 << 20;

    readonly IDevice device;
    readonly SparseProductKind kind;
    readonly bool[] live;
    readonly IReadOnlyList<string> kernels;
    readonly StepProgram sparse, dense;

    /// <summary>A product of so many tokens with a weight of some members along its rows.</summary>
    public SparseProductTrial(IDevice device, SparseProductKind kind, IReadOnlyList<int> members, int columns, int tokens)
    {
        (this.device, this.kind, Tokens) = (device, kind, tokens);
        Grid = BlockGrid.Of(members, columns, device.Profile.SparseBlock, device.Profile.SparseBlock);
        var random = new Random(1);
        live = new bool[Grid.Count];
        foreach (int block in Enumerable.Range(0, Grid.Count).OrderBy(_ => random.Next()).Take((int)Math.Round(LiveShare * Grid.Count))) live[block] = true;
        sparse = Program(isSparse: true);
        dense = Program(isSparse: false);
        kernels = device.SparseKernels((BlockSparseOp)sparse.Plans[PlanName].Calls[0].Op);
    }

    public BlockGrid Grid { get; }

    public int Tokens { get; }

    /// <summary>Share of live weights.</summary>
    public double Density => Enumerable.Range(0, Grid.Count).Where(block => live[block]).Sum(block => (double)Grid.Elements(block)) / ((double)Grid.Rows * Grid.Columns);

    /// <summary>FLOPs of the dense product.</summary>
    public double Flops => 2.0 * Tokens * Grid.Rows * Grid.Columns;

    /// <summary>What lies in memory at once.</summary>
    public StepProgram[] Programs => [sparse, dense, dense, .. kernels.Select(_ => sparse)];

    /// <summary>Runs and times the three, and each kernel over live blocks beside them.</summary>
    public SparseFinding Run()
    {
        using ILoadedProgram bySparse = device.Load(sparse), byDevice = device.Load(dense), own = LoadOwn();
        List<ILoadedProgram> byKernels = [];
        try
        {
            foreach (string name in kernels) byKernels.Add(LoadKernel(name));
            ILoadedProgram[] programs = [bySparse, byDevice, own, .. byKernels];
            Fill(programs);
            foreach (ILoadedProgram program in programs) program.Run(program.Program.Plans[PlanName]);
            float[] expected = FirstRows(byDevice);
            double[] errors = [.. new[] { bySparse }.Concat(byKernels).Select(program => OpTrial.Error(FirstRows(program), expected))], seconds = TurnClock.Time(PlanName, programs);
            return new SparseFinding(new SparseTimes(seconds[0], seconds[1], seconds[2]), errors[0], errors.All(error => error <= Tolerance), byDevice.Libraries.Count == 0 ? null : string.Join(", ", byDevice.Libraries),
                [.. kernels.Select((name, i) => new SparseKernelFinding(name, seconds[3 + i], errors[1 + i]))]);
        }
        finally
        {
            foreach (ILoadedProgram program in byKernels) program.Dispose();
        }
    }

    ILoadedProgram LoadKernel(string name)
    {
        using IDisposable? scope = device.UseSparseKernel(name);
        return device.Load(sparse);
    }

    ILoadedProgram LoadOwn()
    {
        using IDisposable? scope = device.OwnKernelsOnly();
        return device.Load(dense);
    }

    StepProgram Program(bool isSparse)
    {
        var builder = new GraphBuilder();
        Value Operand(string name, int rows, int columns) => builder.State(name, new Shape(rows, columns), device.Profile.Precision);
        Value a = Operand(Left, Tokens, kind == SparseProductKind.Forward ? Grid.Columns : Grid.Rows);
        Value b = kind == SparseProductKind.WeightGradient ? Operand(Right, Tokens, Grid.Columns) : Operand(Right, Grid.Rows, Grid.Columns);
        Op op = (kind, isSparse) switch
        {
            (SparseProductKind.WeightGradient, true) => new BlockSparseWeightGradient(Grid, DataType.Float32),
            (SparseProductKind.WeightGradient, false) => new MatMul(true, false) { ResultType = DataType.Float32 },
            (_, true) => new BlockSparseMatMul(Grid, kind == SparseProductKind.Forward),
            _ => new MatMul(false, kind == SparseProductKind.Forward),
        };
        Value[] operands = isSparse ? [a, b, builder.State(BlockSparsity.TopologyName(Topology), new Shape(Grid.TopologyLength), DataType.Int32)] : [a, b];
        builder.Graph.AddOutput(Result, builder.Apply1(op, operands));
        return ProgramBuilder.Single(PlanName, builder.Graph, device.Profile);
    }

    /// <summary>The same random numbers for all, in the weight zero where blocks are dead.</summary>
    void Fill(ILoadedProgram[] programs)
    {
        var pattern = new float[Pattern];
        RandomNumbers.Normal(pattern, 1);
        foreach (string name in (string[])[Left, Right])
        {
            var values = new float[sparse.Layout[name].Type.Shape.Length];
            for (int start = 0; start < values.Length; start += Pattern) pattern.AsSpan(0, Math.Min(Pattern, values.Length - start)).CopyTo(values.AsSpan(start));
            if (name == Right && kind != SparseProductKind.WeightGradient) OpTrial.ClearDead(Grid, live, values);
            foreach (ILoadedProgram program in programs) OpTrial.WriteFloats(program, program.Program.Layout[name], values);
        }

        var topology = new int[Grid.TopologyLength];
        BlockTopology.Write(Grid, live, denseGradients: false, topology);
        foreach (ILoadedProgram program in programs.Where(program => program.Program == sparse)) program.Write<int>(sparse.Layout[BlockSparsity.TopologyName(Topology)], 0, topology);
    }

    /// <summary>Some rows of a result; of a weight's gradient without what lies in dead blocks, which nobody reads.</summary>
    float[] FirstRows(ILoadedProgram program)
    {
        PersistentTensor tensor = program.Program.Layout[Result];
        int columns = tensor.Type.Shape.Columns, rows = Math.Clamp(Pattern / columns, 1, tensor.Type.Shape.Rows);
        float[] values = OpTrial.ReadFloats(program, tensor, rows * columns);
        if (kind != SparseProductKind.WeightGradient) return values;
        for (int row = 0, i = 0; row < rows; row++)
        {
            while (row >= Grid.RowStart(i + 1)) i++;
            for (int column = 0; column < columns; column++)
                if (!live[Grid.Index(i, column / Grid.BlockColumns)]) values[row * columns + column] = 0;
        }

        return values;
    }
}
