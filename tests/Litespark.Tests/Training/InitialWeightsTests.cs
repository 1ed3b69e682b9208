using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>Initial weights are drawn and written piece by piece.</summary>
public sealed class InitialWeightsTests
{
    const int OddPiece = 7; // numbers are drawn in pairs, and no tensor is a multiple

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Pieces_make_no_difference(string model)
    {
        using var cpu = new CpuDevice(2);
        foreach (PlanOptions plan in (PlanOptions[])[PlanOptions.Litespark, PlanOptions.Baseline]) Check(cpu, ToyModels.Spec(model), plan);
    }

    [EmulatedFact]
    public void Nor_where_weights_are_kept_in_two_types()
    {
        using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), DataType.BFloat16);
        Check(gpu, ToyModels.Spec("llama-tied-gqa"), PlanOptions.Litespark);
    }

    static void Check(IDevice device, TransformerSpec spec, PlanOptions plan)
    {
        using var step = new ToyStep(device, spec, plan);
        Dictionary<string, float[]> whole = step.Weights();
        double loss = step.RunGradients();
        ParameterStore.Initialize(step.Loaded, seed: 8, OddPiece);
        Assert.NotEqual(loss, step.RunGradients());
        ParameterStore.Initialize(step.Loaded, seed: 7, OddPiece);
        Dictionary<string, float[]> pieces = step.Weights();
        Assert.All(whole, pair => Assert.Equal(pair.Value, pieces[pair.Key]));
        Assert.Equal(loss, step.RunGradients()); // which reads what is kept in bf16
    }
}
