using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Clocks;
using Litespark.Tests.Energy.Simulation;

namespace Litespark.Tests.Energy.Paper;

/// <summary>The paper's step on simulated GPUs, measured without noise.</summary>
internal static class PaperProfiles
{
    /// <summary>Core clocks of the H200-like GPU, 105 MHz apart.</summary>
    static readonly ClockPair[] h200Grid = [ClockPair.Automatic, .. Enumerable.Range(0, 15).Select(i => new ClockPair(1980 - (105 * i), null))];

    static readonly ClockPair[] tomorrowGrid = [.. new int?[] { null, 2000, 4000 }.SelectMany(memory => Enumerable.Range(0, 11).Select(i => new ClockPair(i == 0 ? null : 2600 - (200 * i), memory)))];

    /// <summary>On the GPU that is calibrated on the paper, over the paper's grid.</summary>
    public static EnergyProfile Calibrated(int batch = 40, int ways = 1)
    {
        PaperGpu gpu = Calibration.Gpu;
        return Profile(gpu.Physics, gpu.Work, PaperTable.Grid, PaperStep.Kernels(batch, ways));
    }

    /// <summary>On the H200-like GPU of the tests, at 989 TFLOP/s and 4.8 TB/s.</summary>
    public static EnergyProfile H200() => Profile(GpuPhysics.H200, kernel => Work(GpuPhysics.H200, kernel, 989e12, 4.8e12), h200Grid, PaperStep.Kernels());

    /// <summary>On a GPU to come, at twice that.</summary>
    public static EnergyProfile Tomorrow() => Profile(GpuPhysics.Tomorrow, kernel => Work(GpuPhysics.Tomorrow, kernel, 2 * 989e12, 2 * 4.8e12), tomorrowGrid, PaperStep.Kernels());

    /// <summary>What a change of clocks takes on a GPU, at the step's power.</summary>
    public static ClockSwitching Switching(GpuPhysics gpu, EnergyProfile profile, int gpus = 1)
        => new(gpu.CallSeconds, gpu.SettleSeconds, gpus * profile.KernelJoules!.Value / profile.KernelSeconds, gpus);

    static EnergyProfile Profile(GpuPhysics gpu, Func<PaperKernel, KernelWork> work, ClockPair[] grid, PaperKernel[] kernels) => SmallProfile.Of(
        grid,
        [.. kernels.Select(kernel => new ProfiledKernel(
            new KernelInfo(kernel.Name, kernel.Phase, "", kernel.Flops, kernel.Bytes), [.. grid.Select(pair => SteadyState.Measure(gpu, work(kernel), pair))]))],
        PaperStep.Parts);

    /// <summary>Cycles at peak rates; what the core does beside the memory's transfers as on the calibrated GPU.</summary>
    static KernelWork Work(GpuPhysics gpu, PaperKernel kernel, double flops, double bandwidth)
    {
        KernelWork like = Calibration.Gpu.Work(kernel);
        double memory = kernel.Bytes / bandwidth * gpu.MemoryClocks[^1];
        if (kernel.Flops > 0) return new KernelWork(kernel.Flops / flops * gpu.CoreMax, memory);
        GpuPhysics calibrated = Calibration.Gpu.Physics;
        double share = like.MemoryMegacycles == 0 ? 1 : like.CoreMegacycles / calibrated.CoreMax / (like.MemoryMegacycles / calibrated.MemoryClocks[^1]);
        return new KernelWork(share * memory / gpu.MemoryClocks[^1] * gpu.CoreMax, memory);
    }
}
