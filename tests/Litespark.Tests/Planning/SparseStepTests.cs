using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Planning;

/// <summary>A step over sparse weights against the dense step over the same weights, dead blocks zero: same loss, same gradients where blocks live.</summary>
public sealed class SparseStepTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public static TheoryData<string, bool, int, int> Cases
    {
        get
        {
            var data = new TheoryData<string, bool, int, int>();
            foreach (string name in ToyModels.Names.Cast<object[]>().Select(row => (string)row[0]))
                foreach (bool litespark in (bool[])[false, true])
                    foreach ((int rows, int columns) in ((int, int)[])[(8, 8), (1, 1), (16, 7)]) data.Add(name, litespark, rows, columns);
            return data;
        }
    }

    public void Dispose() => device.Dispose();

    static PlanOptions Plan(bool litespark) => litespark ? PlanOptions.Litespark : PlanOptions.Baseline;

    /// <summary>All matrices of the layers, and the head and the table with them where <paramref name="all"/>.</summary>
    static SparsitySettings Settings(int rows, int columns, bool all = false) => new()
    {
        BlockRows = rows,
        BlockColumns = columns,
        IsSparse = name => (all && !name.Contains("wpe", StringComparison.Ordinal)) || name.Contains(".layers.", StringComparison.Ordinal) || name.Contains(".h.", StringComparison.Ordinal),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_and_gradients_are_those_of_the_dense_step_with_masked_weights(string name, bool litespark, int rows, int columns)
        => CompareWithDense(name, litespark, Settings(rows, columns), share: 0.4);

    [Theory]
    [InlineData("llama", false)]
    [InlineData("llama", true)]
    [InlineData("llama-tied-gqa", false)]
    [InlineData("llama-tied-gqa", true)]
    [InlineData("gpt2", true)]
    public void Head_and_token_table_may_be_sparse_too(string name, bool litespark) => CompareWithDense(name, litespark, Settings(4, 8, all: true), share: 0.5);

    [Theory]
    [InlineData("llama", 1.0)]
    [InlineData("gpt2", 1.0)]
    [InlineData("llama", 0.0)]
    public void Everything_or_nothing_may_live(string name, double share) => CompareWithDense(name, litespark: true, Settings(8, 8), share);

    [Theory]
    [InlineData(RecomputeModeName.Selective)]
    [InlineData(RecomputeModeName.Full)]
    public void Recomputed_products_are_sparse_too(RecomputeModeName mode)
    {
        PlanOptions options = PlanOptions.Litespark with { Recompute = mode == RecomputeModeName.Full ? Litespark.Planning.Passes.RecomputeMode.Full : Litespark.Planning.Passes.RecomputeMode.Selective };
        using var kept = new ToyStep(device, ToyModels.Spec("llama"), PlanOptions.Litespark, microBatches: 2, sparsity: Settings(8, 8));
        using var recomputed = new ToyStep(device, ToyModels.Spec("llama"), options, microBatches: 2, sparsity: Settings(8, 8));
        Start(kept, 0.5, dense: false);
        Start(recomputed, 0.5, dense: false);
        Assert.Equal(kept.RunGradients(), recomputed.RunGradients());
        Dictionary<string, float[]> expected = kept.Gradients(), actual = recomputed.Gradients();
        foreach ((string name, float[] values) in expected) Assert.True(values.AsSpan().SequenceEqual(actual[name]), name);
        Assert.DoesNotContain(recomputed.First.Calls, call => call.Op.Name == "matmul" && call.Layer >= 0 && call.Phase == Phase.Forward);
    }

    public enum RecomputeModeName { Selective, Full }

    [Theory]
    [InlineData("llama-biased", false)]
    [InlineData("llama-biased", true)]
    [InlineData("gpt2", true)]
    public void Dense_gradients_can_be_asked_for(string name, bool litespark)
    {
        using var sparse = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2, sparsity: Settings(8, 8));
        using var dense = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2);
        Start(sparse, 0.3, dense: true);
        CopyWeights(sparse, dense);
        AssertClose(dense.RunGradients(), sparse.RunGradients());
        Dictionary<string, float[]> expected = dense.Gradients(), actual = sparse.Gradients();
        foreach ((string parameter, float[] values) in expected) AssertClose(parameter, values, actual[parameter], null);
    }

    [Theory]
    [InlineData("llama-tied-gqa", false, false)]
    [InlineData("llama-tied-gqa", true, false)]
    [InlineData("llama-tied-gqa", true, true)]
    [InlineData("gpt2", true, false)]
    public void Dead_blocks_stay_zero_and_clipping_does_not_see_them(string name, bool litespark, bool all)
    {
        using var step = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2, sparsity: Settings(8, 8, all));
        Dictionary<string, bool[]> live = Start(step, 0.4, dense: false);
        Dictionary<string, float[]> before = step.Weights();
        for (int i = 1; i <= 3; i++)
        {
            StepResult result = step.Run(i);
            double squares = step.Gradients().Sum(pair => pair.Value.Select((value, index) => !live.TryGetValue(pair.Key["grad.".Length..], out bool[]? mask) || mask[index] ? (double)value * value : 0).Sum());
            Assert.Equal(Math.Sqrt(squares), result.GradientNorm, Math.Sqrt(squares) * 1e-5);
        }

        Dictionary<string, float[]> after = step.Weights();
        foreach ((string parameter, bool[] mask) in live)
        {
            for (int i = 0; i < mask.Length; i++)
            {
                if (!mask[i]) Assert.True(after[parameter][i] == 0, $"{parameter}[{i}]");
                else Assert.True(after[parameter][i] != before[parameter][i], $"{parameter}[{i}]");
            }
        }
    }

    [Theory]
    [InlineData(true)] // q, k and v lie in one parameter, gate and up in another
    [InlineData(false)]
    public void A_dead_block_waits_with_the_second_moment_of_its_row(bool litespark)
    {
        using var step = new ToyStep(device, ToyModels.Spec("llama"), Plan(litespark), microBatches: 2, sparsity: Settings(8, 8));
        var topology = new LoadedTopology(step.Loaded);
        Dictionary<string, bool[]> live = Start(step, 0.5, dense: false, topology);
        for (int i = 1; i <= 2; i++) step.Run(i);
        topology.ResetSecondMoments(GrownMoment.RowMean);
        Dictionary<string, float[]> state = ToyStep.ReadAll(ParameterStore.OptimizerState(step.Loaded));
        foreach (BlockGrid grid in topology.Tensors.Select(tensor => tensor.Grid).Distinct()) Assert.Equal(8, grid.BlockRows);
        foreach (SparseTensor tensor in topology.Tensors)
        {
            (float[] m, float[] v, bool[] mask) = (state["optimizer.m." + tensor.Name], state["optimizer.v." + tensor.Name], live[tensor.Name]);
            double largest = 0;
            foreach (int[] row in Enumerable.Range(0, v.Length).Chunk(8 * tensor.Grid.Columns))
            {
                double mean = row.Where(i => mask[i]).Select(i => (double)v[i]).DefaultIfEmpty().Average();
                largest = Math.Max(largest, mean);
                foreach (int i in row.Where(i => !mask[i])) Assert.True(m[i] == 0 && Math.Abs(v[i] - mean) <= 1e-5 * mean, $"{tensor.Name}[{i}]: {v[i]}, not {mean}");
            }

            Assert.True(largest > 0, tensor.Name);
        }

        topology.ResetSecondMoments(GrownMoment.Zero);
        state = ToyStep.ReadAll(ParameterStore.OptimizerState(step.Loaded));
        foreach ((string name, bool[] mask) in live) Assert.All(Enumerable.Range(0, mask.Length).Where(i => !mask[i]), i => Assert.Equal(0, state["optimizer.v." + name][i]));
    }

    [Fact]
    public void A_changed_topology_frees_what_died_and_starts_what_was_born_at_zero()
    {
        using var step = new ToyStep(device, ToyModels.Spec("llama"), PlanOptions.Litespark, microBatches: 2, sparsity: Settings(8, 8));
        var topology = new LoadedTopology(step.Loaded);
        Dictionary<string, bool[]> old = Start(step, 0.5, dense: false, topology);
        for (int i = 1; i <= 2; i++) step.Run(i);
        topology.SetDenseGradients(true);
        step.RunGradients();
        topology.ComputeNorms();
        Dictionary<string, float[]> weights = step.Weights(), gradients = step.Gradients();
        foreach (SparseTensor tensor in topology.Tensors)
        {
            AssertNorms(tensor.Grid, weights[tensor.Name], topology.WeightNorms(tensor.Name));
            AssertNorms(tensor.Grid, gradients["grad." + tensor.Name], topology.GradientNorms(tensor.Name));
        }

        Dictionary<string, bool[]> now = Write(topology, 0.5, seed: 99, dense: false);
        topology.ZeroDeadBlocks();
        topology.ResetSecondMoments(GrownMoment.Zero);
        step.Step.RunClip();
        step.Step.RunUpdate(3, 1e-2, 0);
        Dictionary<string, float[]> state = ToyStep.ReadAll(ParameterStore.OptimizerState(step.Loaded)), after = step.Weights();
        foreach ((string name, bool[] mask) in now)
        {
            for (int i = 0; i < mask.Length; i++)
            {
                float m = state["optimizer.m." + name][i], v = state["optimizer.v." + name][i], g = gradients["grad." + name][i];
                if (!mask[i]) Assert.True(after[name][i] == 0 && m == 0 && v == 0, $"{name}[{i}]");
                else if (!old[name][i]) Assert.True(Math.Abs(m) <= 0.1001 * Math.Abs(g) && Math.Sign(m) == Math.Sign(g) && (after[name][i] != 0) == (g != 0), $"{name}[{i}]: gradient {g}, m {m}, weight {after[name][i]}");
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_thread_count_gives_the_same_bits(bool litespark)
    {
        var runs = ((int[])[1, 2, 3]).Select(threads =>
        {
            using var own = new CpuDevice(threads);
            using var step = new ToyStep(own, ToyModels.Spec("llama-tied-gqa"), Plan(litespark), microBatches: 2, sparsity: Settings(8, 8));
            Start(step, 0.3, dense: false);
            return (Results: Enumerable.Range(1, 3).Select(step.Run).ToList(), Weights: step.Weights());
        }).ToArray();
        foreach (var run in runs.Skip(1))
        {
            Assert.Equal(runs[0].Results, run.Results);
            foreach ((string name, float[] values) in runs[0].Weights) Assert.True(values.AsSpan().SequenceEqual(run.Weights[name]), name);
        }
    }

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Every_call_finds_what_it_reads(string name)
    {
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Litespark, PlanOptions.Baseline])
        {
            using var step = new ToyStep(device, ToyModels.Spec(name), options, microBatches: 2, sparsity: Settings(8, 8, all: true));
            foreach (StepPlan plan in step.Program.Plans.Values) PlanSimulator.Check(step.Program, plan);
        }
    }

    void CompareWithDense(string name, bool litespark, SparsitySettings settings, double share)
    {
        using var sparse = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2, sparsity: settings);
        using var dense = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2);
        Dictionary<string, bool[]> live = Start(sparse, share, dense: false);
        CopyWeights(sparse, dense);
        AssertClose(dense.RunGradients(), sparse.RunGradients());
        Dictionary<string, float[]> expected = dense.Gradients(), actual = sparse.Gradients();
        foreach ((string parameter, float[] values) in expected)
        {
            bool[]? mask = live.GetValueOrDefault(parameter["grad.".Length..]);
            // A token table's gradient is not of products alone: what lies in its dead blocks is read by nobody.
            if (mask is not null && (parameter.Contains("embed_tokens", StringComparison.Ordinal) || parameter.Contains("wte", StringComparison.Ordinal)))
                for (int i = 0; i < mask.Length; i++) (values[i], actual[parameter][i]) = mask[i] ? (values[i], actual[parameter][i]) : (0, 0);
            AssertClose(parameter, values, actual[parameter], mask);
        }

        AssertClose(dense.Step.Evaluate(dense.Batches[0]), sparse.Step.Evaluate(sparse.Batches[0]));
    }

    /// <summary>Random live blocks, the same for the same share; returns which elements live.</summary>
    static Dictionary<string, bool[]> Start(ToyStep step, double share, bool dense, LoadedTopology? topology = null)
    {
        topology ??= new LoadedTopology(step.Loaded);
        Assert.NotEmpty(topology.Tensors);
        Dictionary<string, bool[]> live = Write(topology, share, seed: 3, dense);
        topology.ZeroDeadBlocks();
        return live;
    }

    static Dictionary<string, bool[]> Write(LoadedTopology topology, double share, int seed, bool dense)
    {
        var random = new Random(seed);
        var elements = new Dictionary<string, bool[]>();
        foreach (SparseTensor tensor in topology.Tensors)
        {
            BlockGrid grid = tensor.Grid;
            bool[] blocks = [.. Enumerable.Range(0, grid.Count).Select(_ => random.NextDouble() < share)];
            topology.Set(tensor.Name, blocks);
            var mask = new bool[grid.Rows * grid.Columns];
            for (int block = 0; block < grid.Count; block++)
                foreach (int index in Elements(grid, block)) mask[index] = blocks[block];
            elements[tensor.Name] = mask;
        }

        topology.Apply(dense);
        return elements;
    }

    static IEnumerable<int> Elements(BlockGrid grid, int block)
    {
        (int i, int j) = (block / grid.ColumnBlocks, block % grid.ColumnBlocks);
        for (int row = 0; row < grid.Height(i); row++)
            for (int column = 0; column < grid.Width(j); column++) yield return (grid.RowStart(i) + row) * grid.Columns + grid.ColumnStart(j) + column;
    }

    static void CopyWeights(ToyStep from, ToyStep to)
    {
        ParameterStore source = ParameterStore.Weights(from.Loaded), target = ParameterStore.Weights(to.Loaded);
        foreach (TensorInfo tensor in source.Tensors)
        {
            var values = new float[tensor.Length];
            source.Read(tensor.Name, values);
            target.Write(tensor.Name, values);
        }
    }

    static void AssertNorms(BlockGrid grid, float[] values, float[] norms)
    {
        for (int block = 0; block < grid.Count; block++)
        {
            double mean = Elements(grid, block).Average(index => Math.Abs((double)values[index]));
            Assert.Equal(mean, norms[block], mean * 1e-5 + 1e-12);
        }
    }

    static void AssertClose(double expected, double actual) => Assert.Equal(expected, actual, Math.Abs(expected) * 1e-6);

    /// <summary>Within 1e-5 of the tensor's largest element, where a mask says so; exactly zero elsewhere.</summary>
    static void AssertClose(string name, float[] expected, float[] actual, bool[]? live)
    {
        double tolerance = expected.Max(Math.Abs) * 1e-5 + 1e-9;
        for (int i = 0; i < expected.Length; i++)
        {
            if (live is null || live[i]) Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{name}[{i}]: {expected[i]} and {actual[i]}");
            else Assert.True(actual[i] == 0, $"{name}[{i}]: {actual[i]}, but its block is dead");
        }
    }
}
