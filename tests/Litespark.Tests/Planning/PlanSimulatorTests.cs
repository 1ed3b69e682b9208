using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Tests.Graphs;

namespace Litespark.Tests.Planning;

/// <summary>Every call of every plan finds the values that it reads.</summary>
public sealed class PlanSimulatorTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void No_value_of_a_model_is_overwritten_before_its_last_use(string name)
    {
        ModelFunction model = Transformer.Function(ToyModels.Spec(name));
        foreach (PlanOptions options in Variants())
        {
            bool muon = options.Recompute == RecomputeMode.Full;
            StepProgram program = ProgramBuilder.Training(model, options, new OptimizerSettings { UseMuon = muon }, 2, 6);
            foreach (StepPlan plan in program.Plans.Values) PlanSimulator.Check(program, plan);
        }

        StepProgram generation = ProgramBuilder.Generation(model, PlanOptions.Litespark, [1, 4], 8);
        foreach (StepPlan plan in generation.Plans.Values) PlanSimulator.Check(generation, plan);
    }

    static IEnumerable<PlanOptions> Variants()
    {
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark, .. PlanOptions.PassNames.Select(pass => PlanOptions.Litespark.With(pass, false))])
            yield return options;
        foreach (RecomputeMode mode in (RecomputeMode[])[RecomputeMode.Selective, RecomputeMode.Full])
            foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
                yield return options with { Recompute = mode };
    }

    /// <summary>The check itself: a plan with two values in one place must not pass.</summary>
    [Fact]
    public void A_plan_that_overwrites_a_value_is_found()
    {
        var g = new GraphCase(1);
        Value x = g.Input("x", new Shape(4, 4)), y = g.Builder.Scale(x, 2), z = g.Builder.MatMul(y, y);
        g.Builder.Graph.AddOutput("sum", g.Builder.Add(z, y));
        using var run = new GraphRun(device, g.Builder.Graph);
        PlanSimulator.Check(run.Program, run.Plan);
        var calls = run.Plan.Calls.Select(call => call.Op is not MatMul ? call
            : new KernelCall(call.Node, call.Inputs, [call.Outputs[0] with { Arena = call.Inputs[0].Arena, Offset = call.Inputs[0].Offset }])).ToList();
        var broken = new StepPlan("broken", calls, run.Plan.TransientBytes, 0);
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => PlanSimulator.Check(run.Program, broken));
    }
}
