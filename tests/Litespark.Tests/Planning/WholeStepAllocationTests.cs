using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Planning;

/// <summary>Runs beside no other test: bytes are counted for the whole process.</summary>
[CollectionDefinition("Whole step allocation", DisableParallelization = true)]
[Collection("Whole step allocation")]
public class WholeStepAllocationTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false, true)]
    [InlineData(true, false, true)]
    public void A_training_step_allocates_no_managed_memory(bool litespark, bool muon, bool sparse = false)
    {
        using var device = new CpuDevice(2);
        SparsitySettings? sparsity = sparse ? new SparsitySettings { BlockRows = 8, BlockColumns = 8, IsSparse = name => name.Contains(".layers.", StringComparison.Ordinal), SparseAttention = true } : null;
        using var step = new ToyStep(device, ToyModels.Spec("llama-tied-gqa"), litespark ? PlanOptions.Litespark : PlanOptions.Baseline, new OptimizerSettings { UseMuon = muon }, microBatches: 3, sparsity: sparsity);
        if (sparse) MakeSparse(step.Loaded);
        for (int i = 1; i <= 5; i++) step.Run(i);
        // What the runtime itself allocates now and then is not in every count; an allocation of the step's own would be.
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 20 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 5; i++) step.Run(6 + i);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.Equal(0, least);
    }

    static void MakeSparse(ILoadedProgram program)
    {
        var topology = new LoadedTopology(program);
        foreach (SparseTensor tensor in topology.Tensors) topology.Set(tensor.Name, [.. Enumerable.Range(0, tensor.Grid.Count).Select(block => block % 3 == 0)]);
        topology.Apply(denseGradients: false);
        topology.ZeroDeadBlocks();
        new LoadedAttention(program).WriteAll(new AttentionPattern(AttentionMode.LocalOrStrided, 4, 6, 1), 1e-6f);
    }
}
