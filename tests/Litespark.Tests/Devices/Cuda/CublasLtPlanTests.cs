using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Devices.Cuda;

/// <summary>Whole plans whose matrix products are cuBLASLt's, on an emulated GPU.</summary>
public class CublasLtPlanTests
{
    const int MicroBatches = 2, Rows = 2, Length = 11;

    static ToyStep Load(IDevice device, string model, bool muon = false, PlanOptions? options = null)
        => new(device, ToyModels.Spec(model), options ?? PlanOptions.Litespark, new OptimizerSettings { UseMuon = muon }, MicroBatches, Rows, Length);

    [EmulatedStandInTheory]
    [InlineData("llama", false)]
    [InlineData("gpt2", false)]
    [InlineData("qwen3", true)]
    public void Steps_are_those_of_the_cpu(string model, bool muon)
    {
        using var gpu = new EmulatedCublasLt(precision: DataType.Float32);
        using var cpu = new CpuDevice(1);
        using ToyStep found = Load(gpu.Device, model, muon), expected = Load(cpu, model, muon);
        for (int i = 1; i <= 3; i++)
        {
            StepResult ours = found.Run(i), theirs = expected.Run(i);
            Assert.Equal(1, ours.Loss / theirs.Loss, 1e-5);
            Assert.Equal(1, ours.GradientNorm / theirs.GradientNorm, 1e-4);
        }
    }

    /// <summary>The baseline's attention is made of products of heads, which are the library's too.</summary>
    [EmulatedStandInTheory]
    [InlineData("llama")]
    [InlineData("llama-tied-gqa")]
    public void The_baselines_steps_are_those_of_the_cpu(string model)
    {
        using var gpu = new EmulatedCublasLt(precision: DataType.Float32);
        using var cpu = new CpuDevice(1);
        using ToyStep found = Load(gpu.Device, model, options: PlanOptions.Baseline), expected = Load(cpu, model, options: PlanOptions.Baseline);
        Assert.Contains(found.First.Calls, call => call.Op is HeadProduct);
        Assert.Equal(["cuBLASLt"], found.Loaded.Libraries);
        int before = gpu.Calls, products = found.First.Calls.Concat(found.Next.Calls).Count(call => call.Op is MatMul or HeadProduct);
        found.RunGradients();
        Assert.True(gpu.Calls - before > products); // several for each call of heads
        for (int i = 1; i <= 3; i++)
        {
            StepResult ours = found.Run(i), theirs = expected.Run(i);
            Assert.Equal(1, ours.Loss / theirs.Loss, 1e-5);
            Assert.Equal(1, ours.GradientNorm / theirs.GradientNorm, 1e-4);
        }
    }

    /// <summary>What is forecast is what is taken: arenas, the library's workspace, and the products from which a key head's gradient is added up.</summary>
    [EmulatedStandInTheory]
    [InlineData("llama-tied-gqa", false, true)]
    [InlineData("llama-tied-gqa", true, true)] // heads of 6 columns are none for the fused kernels
    [InlineData("llama", false, false)]
    public void A_program_takes_the_memory_that_is_forecast(string model, bool fused, bool sums)
    {
        using var gpu = new EmulatedCublasLt();
        long free = gpu.Driver.FreeMemory();
        using ToyStep step = Load(gpu.Device, model, options: fused ? PlanOptions.Litespark : PlanOptions.Baseline);
        Assert.InRange(free - gpu.Driver.FreeMemory() - MemoryForecast.Of(step.Program).Total, 0, sizeof(int)); // and a counter
        TransformerSpec spec = ToyModels.Spec(model);
        Assert.Equal(CublasLtContext.WorkspaceBytes + (sums ? spec.NumAttentionHeads * Length * 8 * sizeof(float) : 0), step.Program.ScratchBytes); // heads of 6 columns in rows of 8
        using var without = new CudaDevice(new EmulatedDriver(), new EmulatedCompiler(), DataType.BFloat16);
        Assert.Equal(0, ProgramBuilder.Training(Transformer.Function(spec), PlanOptions.Baseline, new OptimizerSettings(), Rows, Length, device: without.Profile).ScratchBytes);
    }

    /// <summary>Where the products of a sum's pieces have no room, own kernels add up, and it is said.</summary>
    [EmulatedStandInFact]
    public void Without_room_for_the_pieces_of_sums_own_kernels_do_them()
    {
        long arenas;
        using (var large = new EmulatedCublasLt(precision: DataType.Float32))
        using (ToyStep step = Load(large.Device, "llama-tied-gqa", options: PlanOptions.Baseline))
        {
            Assert.Empty(large.Device.Notices);
            arenas = step.Program.TotalBytes - step.Program.ScratchBytes;
        }

        using var gpu = new EmulatedCublasLt(precision: DataType.Float32, memoryBytes: arenas + CublasLtContext.WorkspaceBytes + 1000);
        using var cpu = new CpuDevice(1);
        using ToyStep found = Load(gpu.Device, "llama-tied-gqa", options: PlanOptions.Baseline), expected = Load(cpu, "llama-tied-gqa", options: PlanOptions.Baseline);
        Assert.Equal("attention_mix_transposed of 2 x 11 tokens, 4/2 heads of 6: own kernels: cuBLASLt would take 0.03 GB of scratch memory, and 0.00 GB are free", Assert.Single(gpu.Device.Notices));
        Assert.Equal(["cuBLASLt"], found.Loaded.Libraries); // other products are its still
        for (int i = 1; i <= 2; i++) Assert.Equal(1, found.Run(i).Loss / expected.Run(i).Loss, 1e-5);
    }

    [EmulatedStandInFact]
    public void Recorded_plans_hold_the_librarys_products_and_replays_give_the_same_bits()
    {
        using var gpu = new EmulatedCublasLt();
        using ToyStep step = Load(gpu.Device, "llama");
        int searched = gpu.Searches, bound = gpu.Calls;
        Assert.True(searched > 0);
        double called = step.RunGradients(); // call by call
        Dictionary<string, float[]> gradients = step.Gradients();
        Assert.Equal(0, gpu.Driver.GraphCount);
        int calls = gpu.Calls, done = gpu.Done.Sum(), perStep = calls - bound;
        Assert.True(perStep >= step.First.Calls.Concat(step.Next.Calls).Count(call => call.Op is MatMul));
        double recorded = step.RunGradients(); // recorded, then launched
        Assert.True(gpu.Driver.GraphCount > 0);
        Assert.Equal((calls + perStep, done + perStep), (gpu.Calls, gpu.Done.Sum()));
        double replayed = step.RunGradients();
        Assert.Equal((calls + perStep, done + 2 * perStep), (gpu.Calls, gpu.Done.Sum())); // nobody called the library, its products ran
        Assert.Equal((called, called), (recorded, replayed));
        foreach ((string name, float[] values) in step.Gradients()) Assert.Equal(gradients[name], values);
        Assert.Equal(searched, gpu.Searches); // nothing is chosen while plans run or are recorded
    }

    [EmulatedStandInFact]
    public void Programs_that_run_side_by_side_do_not_share_a_workspace_and_timing_leaves_no_memory_behind()
    {
        using var gpu = new EmulatedCublasLt();
        long free = gpu.Driver.FreeMemory();
        long[] sizes = new long[2];
        for (int i = 0; i < 2; i++)
        {
            using ToyStep step = Load(gpu.Device, "llama");
            sizes[i] = free - gpu.Driver.FreeMemory();
            step.RunGradients();
        }

        Assert.Equal(sizes[1], sizes[0]); // the first timed algorithms, the second did not
        Assert.Equal(free, gpu.Driver.FreeMemory());
        using ToyStep one = Load(gpu.Device, "llama"), other = Load(gpu.Device, "llama");
        Assert.Equal(free - 2 * sizes[0], gpu.Driver.FreeMemory());
        Assert.True(sizes[0] > CublasLtContext.WorkspaceBytes);
    }
}
