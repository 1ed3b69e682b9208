using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Training;

namespace Litespark.Tests.Planning;

/// <summary>A model that adds two parameters up: both have the same gradient, and both must get it.</summary>
public class SharedGradientTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Parameters_that_share_a_gradient_both_get_it(int microBatches)
    {
        static Value Model(ModelContext context)
        {
            GraphBuilder g = context.Builder;
            Value table = g.Add(g.Parameter("a", new Shape(11, 8), Initializer.Normal(1)), g.Parameter("b", new Shape(11, 8), Initializer.Normal(1)));
            return g.Linear(g.Embedding(context.Tokens, table), g.Parameter("head", new Shape(11, 8), Initializer.Normal(1)));
        }

        using var device = new CpuDevice(1);
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
        {
            using ILoadedProgram loaded = device.Load(ProgramBuilder.Training(Model, options, new OptimizerSettings(), 2, 5));
            ParameterStore.Initialize(loaded, 1);
            MicroBatch[] batches = [.. Enumerable.Range(0, microBatches).Select(i => ToyModels.Batch(2, 5, 11, i))];
            new TrainingStep(loaded, new OptimizerSettings()).RunGradients(batches, 10);
            Dictionary<string, float[]> gradients = ToyStep.ReadAll(ParameterStore.Gradients(loaded));
            Assert.Contains(gradients["grad.a"], value => value != 0);
            Assert.Equal(gradients["grad.a"], gradients["grad.b"]);
            foreach (MicroBatch batch in batches) batch.Dispose();
        }
    }
}
