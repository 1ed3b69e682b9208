using System.Text.Json;
using Litespark.Reporting;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training;

/// <summary>Whole runs of sparse training: masks follow the schedule, dead weights are zero on disk, and a run that is cut anywhere goes on exactly.</summary>
public sealed class SparseTrainerTests : IDisposable
{
    static readonly string[] Mst =
    [
        "sparsity.method=mst", "sparsity.sparsity=0.7", "sparsity.block_rows=8", "sparsity.block_columns=8", "sparsity.update_every_steps=2", "sparsity.drop_fraction=0.3", "training.max_steps=24",
        "sparsity.dense_until_step=3", "sparsity.sparse_from_step=8", "sparsity.restore_from_step=16", "sparsity.dense_from_step=21",
        "checkpoints.every_steps=1", "checkpoints.keep_last=0",
    ];

    readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void Mixed_sparsity_training_goes_through_its_phases_and_ends_dense()
    {
        TrainingSummary summary = tiny.Train("run", Mst);
        List<JsonElement> rows = TinyRun.Rows(summary.Run);
        Dictionary<long, double> density = rows.Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).ToDictionary(row => row.GetProperty("step").GetInt64(), row => row.GetProperty("density").GetDouble());
        Assert.Equal(1, density[3]);
        Assert.InRange(density[8], 0.28, 0.32);
        Assert.InRange(density[15], 0.28, 0.32);
        Assert.Equal(1, density[24]);
        JsonElement[] changes = [.. rows.Where(TinyRun.IsTopology)];
        Assert.Equal(["restoration", "ultra_sparse", "warm_up"], changes.Select(row => row.GetProperty("phase").GetString()).Distinct().Order());
        Assert.Contains(changes, row => row.GetProperty("phase").GetString() == "ultra_sparse" && row.GetProperty("churn").GetDouble() > 0);
        // What a step executes falls with its live blocks.
        double Executed(long step) => rows.Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row) && row.GetProperty("step").GetInt64() is var at && (at == step || at == step - 1))
            .Select(row => row.GetProperty("flops").GetDouble()).Order().ToArray() is [var before, var after] ? after - before : throw new InvalidOperationException();
        // Head and attention are dense, and so are the weight gradients of every other step here.
        double least = Enumerable.Range(9, 6).Min(step => Executed(step));
        Assert.True(least < 0.65 * Executed(3), $"{least} of {Executed(3)}");
        Assert.Equal(Executed(3), Executed(24), 1e-6 * Executed(3));
        Assert.True(tiny.Train("dense", ["training.max_steps=24"]).EvalLoss is { } dense && summary.EvalLoss < dense + 1);
    }

    [Fact]
    public void A_run_that_is_cut_after_any_step_goes_on_with_the_same_bits()
    {
        string[] whole = TinyRun.Reproducible(tiny.Train("whole", Mst).Run);
        foreach (int cut in (int[])[2, 5, 8, 9, 12, 17, 20, 22])
        {
            tiny.Train($"cut-{cut}", Mst, stopAfter: cut);
            TrainingSummary resumed = tiny.Train($"cut-{cut}", Mst, resume: true);
            Assert.Equal(whole, TinyRun.Reproducible(resumed.Run));
        }
    }

    [Fact]
    public void Automatic_phases_go_on_with_the_same_bits_too()
    {
        string[] changes = [.. Mst, "sparsity.phase_change=automatic", "sparsity.loss_window_steps=2", "sparsity.loss_slope_threshold=1000", "sparsity.churn_threshold=0.9", "sparsity.patience=1"];
        string[] whole = TinyRun.Reproducible(tiny.Train("whole", changes).Run);
        foreach (int cut in (int[])[4, 9, 13])
        {
            tiny.Train($"cut-{cut}", changes, stopAfter: cut);
            Assert.Equal(whole, TinyRun.Reproducible(tiny.Train($"cut-{cut}", changes, resume: true).Run));
        }
    }

    [Theory]
    [InlineData("static", 0)]
    [InlineData("set", 1)]
    [InlineData("rigl", 1)]
    public void A_run_that_stays_sparse_leaves_zeros_and_its_masks(string method, int changes)
    {
        TrainingSummary summary = tiny.Train(method, [$"sparsity.method={method}", "sparsity.sparsity=0.8", "sparsity.block_rows=8", "sparsity.block_columns=8", "sparsity.update_every_steps=3", "evaluation.every_steps=0"]);
        Assert.Equal(changes, Math.Min(1, TinyRun.Rows(summary.Run).Count(TinyRun.IsTopology)));
        IReadOnlyList<BlockMask> saved = CheckpointMasks.Read(summary.Checkpoint!).Masks, zeros = CheckpointMasks.Read(summary.Checkpoint!, (8, 8)).Masks;
        Assert.Equal(14, saved.Count);
        foreach (BlockMask mask in saved)
        {
            BlockMask seen = zeros.Single(candidate => candidate.Weight.Name == mask.Weight.Name);
            Assert.Equal(mask.ToText(), seen.ToText());
            Assert.False(mask.IsFull, mask.Weight.Name);
        }
    }

    [Fact]
    public void Both_plans_find_the_same_masks_and_losses()
    {
        // Growth by gradients would part at ties of rounding; at random both plans draw the same.
        string[] changes = [.. Mst, "sparsity.growth=random"];
        TrainingSummary litespark = tiny.Train("litespark", changes), baseline = tiny.Train("baseline", [.. changes, "engine.plan=baseline"]);
        double[] Losses(string run) => [.. TinyRun.Rows(run).Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).Select(row => row.GetProperty("loss").GetDouble())];
        foreach ((double a, double b) in Losses(litespark.Run).Zip(Losses(baseline.Run))) Assert.Equal(a, b, 2e-3 * a);
        string[] Masks(string run) => [.. CheckpointMasks.Read(Path.Combine(run, "checkpoints", "step-00000009")).Masks.Select(mask => mask.Weight.Name + mask.ToText())];
        Assert.Equal(Masks(litespark.Run), Masks(baseline.Run));
        Assert.Contains(CheckpointMasks.Read(Path.Combine(baseline.Run, "checkpoints", "step-00000009")).Masks, mask => !mask.IsFull);
    }

    [Fact]
    public void Without_a_method_nothing_changes()
    {
        string[] plain = TinyRun.Reproducible(tiny.Train("plain").Run), none = TinyRun.Reproducible(tiny.Train("none", ["sparsity.method=none", "sparsity.sparsity=0.5"]).Run);
        Assert.Equal(plain, none);
    }

    [Fact]
    public void The_dense_start_is_the_dense_run()
    {
        double[] Losses(string run) => [.. TinyRun.Rows(run).Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).Select(row => row.GetProperty("loss").GetDouble())];
        double[] dense = Losses(tiny.Train("dense", ["training.max_steps=24"]).Run), mst = Losses(tiny.Train("mst", [.. Mst, "sparsity.dense_until_step=12", "sparsity.sparse_from_step=14"]).Run);
        for (int i = 0; i < 12; i++) Assert.Equal(dense[i], mst[i], 1e-5 * dense[i]);
        Assert.NotEqual(dense[16], mst[16], 1e-5);
    }

    [Fact]
    public void A_change_of_masks_that_falls_on_a_bad_step_is_made_up_for()
    {
        // A loss that is no number at the step that completes the restoration: without what is made up for, the run would end sparse.
        string[] changes = [.. Mst, "sparsity.schedule=step", "training.on_nan=skip", "training.loss_spike_factor=1.0000001", "optimizer.learning_rate=1e-7"];
        TrainingSummary summary = tiny.Train("run", changes);
        Assert.All(CheckpointMasks.Read(summary.Checkpoint!).Masks, mask => Assert.True(mask.IsFull, mask.Weight.Name));
        using JsonDocument state = JsonDocument.Parse(File.ReadAllText(Path.Combine(summary.Checkpoint!, "training_state.json")));
        Assert.True(state.RootElement.GetProperty("updates").GetInt32() < 24);
    }

    [Fact]
    public void Another_method_is_refused_on_resume()
    {
        tiny.Train("sparse", Mst, stopAfter: 12);
        Assert.Contains("sparsity.method is none", Assert.Throws<UserErrorException>(() => tiny.Train("sparse", ["training.max_steps=24"], resume: true)).Message);
        tiny.Train("dense", stopAfter: 4);
        Assert.Contains("random masks", Assert.Throws<UserErrorException>(() => tiny.Train("dense", ["sparsity.method=rigl"], resume: true)).Message);
    }

    [Theory]
    [InlineData("optimizer.name", "optimizer.name=muon")]
    [InlineData("training.max_tokens", "training.max_tokens=1000")]
    public void What_sparse_training_cannot_do_is_said_before_it_begins(string key, string change)
        => Assert.Contains(key, Assert.Throws<UserErrorException>(() => tiny.Load([.. Mst, change])).Message);

    [Fact]
    public void Masks_of_other_blocks_are_refused()
    {
        tiny.Train("run", Mst, stopAfter: 12);
        UserErrorException error = Assert.Throws<UserErrorException>(() => tiny.Train("run", [.. Mst, "sparsity.block_rows=4"], resume: true));
        Assert.Contains("block", error.Message);
    }

    [Theory]
    [InlineData("litespark")]
    [InlineData("baseline")]
    public void Attention_is_sparse_in_its_steps_layers_and_heads_alone(string plan)
    {
        string[] changes =
        [
            $"engine.plan={plan}", "sparsity.attention_pattern=local", "sparsity.attention_window=4", "sparsity.attention_block=1", "sparsity.attention_from_step=3",
            "sparsity.attention_until_step=8", "sparsity.attention_heads=[0, 2]", "sparsity.attention_layers=[1]", "data.document_mask=false",
        ];
        TrainingSummary summary = tiny.Train("sparse", changes), dense = tiny.Train("dense", [$"engine.plan={plan}", "data.document_mask=false"]);
        double[] Column(string run, string key) => [.. TinyRun.Rows(run).Where(row => !TinyRun.IsEval(row)).Select(row => row.GetProperty(key).GetDouble())];
        double[] shares = Column(summary.Run, "attention_share"), losses = Column(summary.Run, "loss"), denseLosses = Column(dense.Run, "loss"), flops = Column(summary.Run, "flops");
        // A quarter of the heads sees at most 4 of up to 32 keys: 122 of 528 pairs.
        double expected = 1 - 0.25 * (1 - 122.0 / 528);
        for (int i = 0; i < shares.Length; i++) Assert.Equal(i is >= 2 and < 8 ? expected : 1, shares[i], 1e-5);
        for (int i = 0; i < 2; i++) Assert.Equal(denseLosses[i], losses[i], 1e-6 * losses[i]);
        Assert.NotEqual(denseLosses[3], losses[3]);
        // Attention by masks computes all and hides.
        Assert.Equal(plan == "litespark", flops[3] - flops[2] < flops[1] - flops[0]);
        Assert.Equal(TinyRun.Reproducible(summary.Run), TinyRun.Reproducible(Cut(changes).Run));

        TrainingSummary Cut(string[] recipe)
        {
            tiny.Train("cut", recipe, stopAfter: 5);
            return tiny.Train("cut", recipe, resume: true);
        }
    }

    [Fact]
    public void Weights_and_attention_are_sparse_together_in_the_sparse_phase()
    {
        TrainingSummary summary = tiny.Train("run", [.. Mst, "sparsity.attention_pattern=fixed", "sparsity.attention_stride=8", "sparsity.attention_block=1", "sparsity.attention_skip_threshold=0.0001"]);
        Dictionary<long, double> shares = TinyRun.Rows(summary.Run).Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).ToDictionary(row => row.GetProperty("step").GetInt64(), row => row.GetProperty("attention_share").GetDouble());
        Assert.True(shares[2] > 0.9 && shares[10] < 0.7 && shares[23] > 0.9, $"{shares[2]}, {shares[10]}, {shares[23]}");
    }
}
