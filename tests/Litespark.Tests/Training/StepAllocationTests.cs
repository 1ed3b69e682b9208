using Litespark.Data.Loading;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>Run while no other test does: what is measured counts every thread of the process.</summary>
[CollectionDefinition("Step allocation", DisableParallelization = true)]
public class StepAllocationCollection;

[Collection("Step allocation")]
public class StepAllocationTests
{
    [Theory]
    [InlineData("litespark", "adamw")]
    [InlineData("litespark", "muon")]
    [InlineData("baseline", "adamw")]
    public void Loading_and_running_a_step_allocates_nothing(string plan, string optimizer)
    {
        using var tiny = new TinyRun();
        using TrainingSetup setup = tiny.Open($"engine.plan={plan}", $"optimizer.name={optimizer}", "training.global_batch_tokens=256");
        using var device = new CpuDevice(2);
        using ILoadedProgram program = device.Load(setup.Program);
        ParameterStore.Initialize(program, 1);
        using BatchLoader loader = setup.Data.CreateLoader(32, 2, 4);
        var step = new TrainingStep(program, setup.Optimizer);
        long steps = 0, least = long.MaxValue;
        Run(50);
        // The runtime itself allocates now and then (tiering, the test host): the least of a few rounds is the step's own.
        for (int round = 0; round < 10 && least > 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Run(20);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.Equal(0, least);

        void Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                StepBatch batch = loader.Next();
                step.Run(batch.MicroBatches, batch.TargetCount, ++steps, 1e-3, 1e-3);
            }
        }
    }
}
