using CustomModel;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Examples;

/// <summary>A user's own architecture, from <c>examples/CustomModel</c>: builds, trains, generates.</summary>
public class CustomModelTests
{
    static readonly ParallelBlockModel Model = new(Layers: 2, Width: 32, Heads: 4, Vocabulary: 29);

    [Fact]
    public void It_trains_alike_in_both_plans_until_the_loss_has_fallen()
    {
        using var device = new CpuDevice(1);
        using MicroBatch batch = ToyModels.Batch(2, 15, Model.Vocabulary, seed: 4);
        double[][] losses = [.. ((PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark]).Select(options =>
        {
            StepProgram program = ProgramBuilder.Training(Model.Logits, options, new OptimizerSettings(), 2, 15);
            foreach (StepPlan plan in program.Plans.Values) PlanSimulator.Check(program, plan);
            using ILoadedProgram loaded = device.Load(program);
            ParameterStore.Initialize(loaded, 1);
            var step = new TrainingStep(loaded, new OptimizerSettings());
            return Enumerable.Range(1, 40).Select(i => step.Run([batch], batch.CountTargets(), i, 1e-2).Loss).ToArray();
        })];
        Assert.All(losses, run => Assert.True(run[^1] < run[0] / 4, $"{run[0]} to {run[^1]}"));
        Assert.Equal(losses[0][0], losses[1][0], 1e-5);
        Assert.Equal(losses[0][5], losses[1][5], 1e-3);
    }

    [Fact]
    public void Its_products_of_one_input_are_merged()
    {
        StepProgram program = ProgramBuilder.Training(Model.Logits, PlanOptions.Litespark, new OptimizerSettings(), 1, 4);
        StoredParameter merged = program.Parameters.Stored.First(parameter => parameter.Members.Count > 1);
        Assert.Equal(["q", "k", "v", "up"], merged.Members.Select(member => member.Name.Split('.')[^2]));
    }

    [Fact]
    public void It_generates()
    {
        StepProgram program = ProgramBuilder.Generation(Model.Logits, PlanOptions.Litespark, [1, 4], 16);
        foreach (StepPlan plan in program.Plans.Values) PlanSimulator.Check(program, plan);
        using var device = new CpuDevice(1);
        using ILoadedProgram loaded = device.Load(program);
        ParameterStore.Initialize(loaded, 1);
        float[] atOnce = Logits(loaded, 4, [3, 1, 4, 1], [0, 1, 2, 3]);
        float[] oneByOne = [];
        foreach ((int token, int position) in ((int, int)[])[(3, 0), (1, 1), (4, 2), (1, 3)]) oneByOne = Logits(loaded, 1, [token], [position]);
        Assert.All(atOnce.Zip(oneByOne), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
    }

    static float[] Logits(ILoadedProgram loaded, int newTokens, int[] tokens, int[] positions)
    {
        PersistentLayout layout = loaded.Program.Layout;
        loaded.Write<int>(layout["tokens"], 0, tokens);
        loaded.Write<int>(layout["positions"], 0, positions);
        if (newTokens > 1) loaded.Write<int>(layout["logits_row"], 0, [newTokens - 1]);
        loaded.Run(loaded.Program.Plans[ProgramBuilder.GenerationPlan(newTokens)]);
        var logits = new float[Model.Vocabulary];
        loaded.Read<float>(layout["logits"], 0, logits);
        return logits;
    }
}
