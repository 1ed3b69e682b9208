using Litespark.Energy.Clocks;
using Litespark.Tests.Energy.Simulation;

namespace Litespark.Tests.Energy.Paper;

/// <summary>
/// A simulated GPU like the paper's, with the rates that turn shapes into cycles. What the paper does not state (all but the
/// memory's clocks) is calibrated on half of its Table 1; nothing here is a fact about an RTX 3080 Ti.
/// </summary>
internal sealed class PaperGpu
{
    /// <summary>Where the calibration starts, and the logarithm's width within which parameters are thought to lie.</summary>
    static readonly (string Name, double Start, double Width)[] parameters =
    [
        ("FLOPs of a core cycle", 34_000, 0.3), ("bytes of a memory cycle", 85, 0.3), ("traffic of a product", 1.5, 0.5), ("traffic of attention's products", 1.2, 0.5),
        ("highest core MHz", 1900, 0.1), ("knee MHz", 1200, 0.3), ("voltage at the knee", 0.75, 0.2),
        ("limit watts", 350, 0.1), ("static watts", 60, 0.7), ("core idle watts", 90, 0.7), ("core watts", 170, 0.7), ("memory idle watts", 40, 0.7), ("memory watts", 50, 0.7),
        ("watts more where all is automatic", 15, 0.7), ("sharpness", 6, 0.5), ("price of a second", 430, 0.3), ("busy core's power, no product", 0.6, 0.7),
        ("cycles per byte, permute", 2.0, 0.7), ("cycles per byte, norm backward", 1.4, 0.7), ("cycles per byte, norm", 1.0, 0.7), ("cycles per byte, GELU", 0.7, 0.7),
        ("cycles per byte, bias backward", 1.4, 0.7), ("cycles per byte, softmax", 1.6, 0.7), ("cycles per byte, embedding", 1.0, 0.7),
    ];

    readonly double[] values;

    /// <param name="logarithms">Of each parameter over its start, in widths.</param>
    public PaperGpu(double[] logarithms)
    {
        values = [.. parameters.Zip(logarithms, (parameter, log) => parameter.Start * Math.Exp(log * parameter.Width))];
        Physics = new GpuPhysics
        {
            Name = "Simulated GPU like an RTX 3080 Ti",
            CoreMin = 210,
            CoreMax = values[4],
            CoreStep = 15,
            MemoryClocks = [405, 810, 5001, 9251, 9501],
            KneeMegahertz = Math.Min(values[5], values[4] - 50),
            KneeVolts = Math.Min(values[6], 1),
            MaxVolts = 1,
            LimitWatts = values[7],
            StaticWatts = values[8],
            CoreIdleWatts = values[9],
            CoreWatts = values[10],
            MemoryIdleWatts = values[11],
            MemoryWatts = values[12],
            AutomaticWatts = values[13],
            Sharpness = values[14],
        };
    }

    /// <summary>Number of parameters.</summary>
    public static int Count => parameters.Length;

    /// <summary>The parameters' names and values.</summary>
    public IEnumerable<(string Name, double Value)> Parameters => parameters.Zip(values, (parameter, value) => (parameter.Name, value));

    /// <summary>The GPU.</summary>
    public GpuPhysics Physics { get; }

    /// <summary>Joules that the paper's global optimum pays for a second.</summary>
    public double Price => values[15];

    /// <summary>A kernel in cycles.</summary>
    public KernelWork Work(PaperKernel kernel)
    {
        double memory = kernel.Bytes / values[1] * 1e-6;
        return kernel.Kind switch
        {
            KernelKind.Gemm => new KernelWork(kernel.Flops / values[0] * 1e-6, memory * values[2]),
            KernelKind.AttentionGemm => new KernelWork(kernel.Flops / values[0] * 1e-6, memory * values[3]),
            // So short that it is all latency of the core.
            KernelKind.Tiny => new KernelWork(0.003, 0, values[16]),
            _ => new KernelWork(memory * 0.1 * values[17 + (int)kernel.Kind - (int)KernelKind.Permute], memory, values[16]),
        };
    }

    /// <summary>A kernel's time and energy.</summary>
    public StepCost Run(PaperKernel kernel, ClockPair clocks) => SteadyState.Run(Physics, Work(kernel), clocks);

    /// <summary>A step's time and energy, with each kernel at clocks of its own.</summary>
    public StepCost Run(IReadOnlyList<PaperKernel> kernels, Func<PaperKernel, ClockPair> clocks)
    {
        StepCost[] costs = [.. kernels.Select(kernel => Run(kernel, clocks(kernel)))];
        return new StepCost(kernels.Zip(costs, (kernel, cost) => kernel.Times * cost.Seconds).Sum(), kernels.Zip(costs, (kernel, cost) => kernel.Times * cost.Joules).Sum());
    }
}
