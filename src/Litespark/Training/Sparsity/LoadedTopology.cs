using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>A canonical weight that is block-sparse.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Grid">How it is cut, by itself: as a part of a stored parameter it has the same blocks.</param>
public sealed record SparseTensor(string Name, BlockGrid Grid);

/// <summary>
/// Live blocks and block norms of a loaded program by canonical name, whatever block rows of whatever packed parameter they lie in.
/// A program starts with zeros, which are no topology: one must be written before its first step.
/// </summary>
public sealed class LoadedTopology
{
    readonly ILoadedProgram program;
    readonly Dictionary<string, (Packed Packed, int FirstBlock, int Count)> places = [];
    readonly List<Packed> packed = [];

    /// <summary>Finds the sparse parameters of a program.</summary>
    public LoadedTopology(ILoadedProgram program)
    {
        this.program = program;
        var tensors = new List<SparseTensor>();
        foreach (StoredParameter parameter in program.Program.Parameters.Stored.Where(parameter => parameter.Grid is not null))
        {
            var whole = new Packed(parameter, parameter.Grid!);
            packed.Add(whole);
            int first = 0;
            foreach (CanonicalParameter member in parameter.Members)
            {
                BlockGrid grid = BlockGrid.Of([member.Shape.Rows], member.Shape.Columns, whole.Grid.BlockRows, whole.Grid.BlockColumns);
                tensors.Add(new SparseTensor(member.Name, grid));
                places[member.Name] = (whole, first, grid.Count);
                first += grid.Count;
            }
        }

        Tensors = tensors;
    }

    /// <summary>The sparse weights, in the order of the program's parameters.</summary>
    public IReadOnlyList<SparseTensor> Tensors { get; }

    /// <summary>Says which blocks of a weight are live, row by row; takes effect at the next <see cref="Apply"/>.</summary>
    public void Set(string name, ReadOnlySpan<bool> live)
    {
        (Packed whole, int first, int count) = places[name];
        if (live.Length != count) throw new ArgumentException($"{name} has {count} blocks, not {live.Length}");
        live.CopyTo(whole.Live.AsSpan(first, count));
    }

    /// <summary>Says which blocks of weights are live; takes effect at the next <see cref="Apply"/>.</summary>
    public void Set(IEnumerable<BlockMask> masks)
    {
        foreach (BlockMask mask in masks)
        {
            var live = new bool[mask.Weight.Blocks];
            for (int block = 0; block < live.Length; block++) live[block] = mask[block];
            Set(mask.Weight.Name, live);
        }
    }

    /// <summary>What a step executes of its sparse work.</summary>
    internal LiveWork Work(DeviceProfile device, bool denseGradients)
        => new(parameter => Density(parameter) is var density && density > device.DenseAboveDensity(packed.First(whole => whole.Parameter.Name == parameter).Grid) ? 1 : density, denseGradients);

    /// <summary>Writes all topologies to the device.</summary>
    /// <param name="denseGradients">Whether the next gradients are computed for all blocks.</param>
    public void Apply(bool denseGradients)
    {
        foreach (Packed whole in packed)
        {
            BlockTopology.Write(whole.Grid, whole.Live, denseGradients, whole.Buffer);
            program.Write<int>(whole.Parameter.Topology!, 0, whole.Buffer);
        }
    }

    /// <summary>Share of live weights of a stored parameter.</summary>
    public double Density(string parameter)
    {
        Packed whole = packed.First(candidate => candidate.Parameter.Name == parameter);
        long alive = 0;
        for (int block = 0; block < whole.Live.Length; block++)
            if (whole.Live[block]) alive += whole.Grid.Elements(block);
        return (double)alive / whole.Parameter.Weight.Type.Shape.Length;
    }

    /// <summary>Switches whether the next gradients are computed for all blocks. Allocates nothing.</summary>
    public void SetDenseGradients(bool denseGradients)
    {
        Span<int> mode = [denseGradients ? BlockTopology.DenseGradients : BlockTopology.LiveGradients];
        foreach (Packed whole in packed) program.Write<int>(whole.Parameter.Topology!, BlockTopology.Mode, mode);
    }

    /// <summary>Zeroes what is dead: weights, gradients, first moments. To be run after <see cref="Apply"/>.</summary>
    public void ZeroDeadBlocks() => program.Run(program.Program.Plans[ProgramBuilder.ZeroDeadBlocks]);

    /// <summary>Gives dead blocks the second moments with which they will begin to live; where there are any. To be run after <see cref="Apply"/>.</summary>
    public void ResetSecondMoments(GrownMoment value)
        => program.Run(program.Program.Plans[value == GrownMoment.Zero ? ProgramBuilder.ZeroSecondMoments : ProgramBuilder.FillSecondMoments]);

    /// <summary>Computes the norms that <see cref="WeightNorms"/> and <see cref="GradientNorms"/> read.</summary>
    public void ComputeNorms() => program.Run(program.Program.Plans[ProgramBuilder.BlockNorms]);

    /// <summary>Mean |weight| of every block of a weight.</summary>
    public float[] WeightNorms(string name) => Read(name, norms => norms.Weights);

    /// <summary>Mean |gradient| of every block of a weight.</summary>
    public float[] GradientNorms(string name) => Read(name, norms => norms.Gradients);

    float[] Read(string name, Func<(PersistentTensor Weights, PersistentTensor Gradients), PersistentTensor> select)
    {
        (Packed whole, int first, int count) = places[name];
        var values = new float[count];
        program.Read(select(whole.Parameter.BlockNorms!.Value), first, values);
        return values;
    }

    sealed class Packed(StoredParameter parameter, BlockGrid grid)
    {
        public StoredParameter Parameter { get; } = parameter;

        public BlockGrid Grid { get; } = grid;

        public bool[] Live { get; } = new bool[grid.Count];

        public int[] Buffer { get; } = new int[grid.TopologyLength];
    }
}
