using System.Text.Json;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training;

/// <summary>Whole sparse runs on an emulated GPU: phases, zeros on disk, and a run that is cut goes on exactly.</summary>
public sealed class CudaSparseRunTests : IDisposable
{
    static readonly string[] mst =
    [
        "model.hidden_size=64", "model.intermediate_size=96", "sparsity.method=mst", "sparsity.sparsity=0.6", "sparsity.update_every_steps=2", "training.max_steps=12",
        "sparsity.dense_until_step=1", "sparsity.sparse_from_step=4", "sparsity.restore_from_step=9", "sparsity.dense_from_step=11", "checkpoints.every_steps=1", "checkpoints.keep_last=0",
    ];

    AlgorithmRuns? runs;

    public void Dispose() => runs?.Dispose();

    /// <summary>Blocks that our kernels skip, and small ones, with which products are dense.</summary>
    [EmulatedTheory]
    [InlineData(32)]
    [InlineData(8)]
    public void Mixed_sparsity_training_goes_through_its_phases_and_resumes_exactly(int block)
    {
        runs = new AlgorithmRuns([.. mst, $"sparsity.block_rows={block}", $"sparsity.block_columns={block}"]);
        string whole = Train("whole");
        List<JsonElement> rows = TinyRun.Rows(whole);
        Dictionary<long, JsonElement> steps = rows.Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).ToDictionary(row => row.GetProperty("step").GetInt64());
        double Density(long step) => steps[step].GetProperty("density").GetDouble();
        Assert.Equal((12, 1.0, 1.0), (steps.Count, Density(1), Density(12)));
        Assert.InRange(Density(6), 0.3, 0.5);
        Assert.Equal(["restoration", "ultra_sparse", "warm_up"], rows.Where(TinyRun.IsTopology).Select(row => row.GetProperty("phase").GetString()).Distinct().Order());
        Assert.All(steps.Values, row => Assert.True(double.IsFinite(row.GetProperty("loss").GetDouble())));

        // What a step executes falls with its live blocks only where products skip dead ones.
        double Executed(long step) => steps[step].GetProperty("flops").GetDouble() - steps[step - 1].GetProperty("flops").GetDouble();
        double least = Enumerable.Range(5, 4).Min(step => Executed(step));
        if (block == 32) Assert.True(least < 0.8 * Executed(12), $"{least} of {Executed(12)}");
        else Assert.Equal(Executed(12), least);

        foreach (int cut in (int[])[3, 6, 9])
        {
            Train($"cut-{cut}", stopAfter: cut);
            Assert.Equal(TinyRun.Reproducible(whole), TinyRun.Reproducible(Train($"cut-{cut}", resume: true)));
        }
    }

    [EmulatedFact]
    public void Dead_blocks_are_zero_on_disk()
    {
        runs = new AlgorithmRuns([.. mst, "sparsity.block_rows=32", "sparsity.block_columns=32"]);
        string checkpoint = TinyRun.Checkpoints(Train("run", stopAfter: 6))[^1];
        IReadOnlyList<BlockMask> saved = CheckpointMasks.Read(checkpoint).Masks, zeros = CheckpointMasks.Read(checkpoint, (32, 32)).Masks;
        Assert.Equal(14, saved.Count);
        Assert.Contains(saved, mask => !mask.IsFull);
        foreach (BlockMask mask in saved) Assert.Equal(mask.ToText(), zeros.Single(candidate => candidate.Weight.Name == mask.Weight.Name).ToText());
    }

    string Train(string name, bool resume = false, int stopAfter = int.MaxValue)
    {
        string run = runs!.At(name);
        using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), DataType.BFloat16);
        Assert.Empty(runs.Train(gpu, run, resume, stopAfter));
        return run;
    }
}
