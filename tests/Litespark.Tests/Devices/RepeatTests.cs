using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Devices;

/// <summary>Calls of a plan run one by one, and many times in a row.</summary>
public sealed class RepeatTests
{
    static void Check(Func<IDevice> open)
    {
        using IDevice device = open();
        using ToyStep together = new(device, ToyModels.Spec("llama"), PlanOptions.Litespark), apart = new(device, ToyModels.Spec("llama"), PlanOptions.Litespark);
        together.RunGradients();
        apart.RunGradients();
        // A call that only reads what others wrote may run any number of times.
        for (int call = 0; call < apart.First.Calls.Count; call++) apart.Loaded.Repeat(apart.First, call, call == 0 ? 70 : 1);
        Same(together.Gradients(), apart.Gradients());

        // An update goes on from where it was: 70 are two launches of 32 and six, the first of them alone.
        StepPlan Update(ToyStep step) => step.Program.Plans[ProgramBuilder.Update];
        together.Run(1);
        apart.Run(1);
        for (int i = 0; i < 70; i++) together.Loaded.Repeat(Update(together), 0, 1);
        apart.Loaded.Repeat(Update(apart), 0, 70);
        Same(together.Weights(), apart.Weights());
    }

    static void Same(Dictionary<string, float[]> a, Dictionary<string, float[]> b)
    {
        foreach ((string name, float[] values) in a) Assert.Equal(values, b[name]);
    }

    [Fact]
    public void On_the_cpu() => Check(() => new CpuDevice(1));

    [EmulatedFact]
    public void On_an_emulated_gpu() => Check(() => new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), DataType.Float32));
}
