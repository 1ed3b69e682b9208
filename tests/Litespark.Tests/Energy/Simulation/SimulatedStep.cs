using Litespark.Energy.Profiles;

namespace Litespark.Tests.Energy.Simulation;

/// <summary>A step of kernels on something that simulates a GPU.</summary>
/// <param name="hardware">The GPU's name.</param>
/// <param name="work">Each kernel.</param>
/// <param name="parts">The step.</param>
/// <param name="run">Runs a kernel so many times.</param>
internal sealed class SimulatedStep(string hardware, IReadOnlyList<(KernelInfo Info, KernelWork Work)> work, IReadOnlyList<ProfiledPart> parts, Action<KernelWork, int> run) : IProfiledStep
{
    /// <summary>Kernels of a small step: bound by the core, by the memory, and one in between.</summary>
    public static readonly (KernelInfo Info, KernelWork Work)[] Small =
    [
        (new KernelInfo("matmul", "forward", "", 4e9, 1e7), new KernelWork(4, 1)), (new KernelInfo("norm", "forward", "", 0, 4e7), new KernelWork(0.3, 4)),
        (new KernelInfo("matmul", "backward", "", 8e9, 2e7), new KernelWork(8, 2)), (new KernelInfo("softmax", "backward", "", 0, 4e7), new KernelWork(0.8, 3)),
        (new KernelInfo("adamw", "optimizer", "", 0, 2e8), new KernelWork(1, 20)),
    ];

    /// <summary>The order of <see cref="Small"/>.</summary>
    public static readonly ProfiledPart[] SmallParts =
    [
        new("first_micro_batch", 1, [0, 1, 0, 1, 3, 2, 3, 2]), new("next_micro_batch", 3, [0, 1, 0, 1, 3, 2, 3, 2]), new("update", 1, [4]),
    ];

    public ProfileSubject Subject { get; } = new("simulated", 1, 1, 1, "");

    public string Device => "simulated";

    public string Hardware => hardware;

    public IReadOnlyList<KernelInfo> Kernels { get; } = [.. work.Select(kernel => kernel.Info)];

    public IReadOnlyList<ProfiledPart> Parts => parts;

    /// <summary>Kernels that were prepared, in order.</summary>
    public List<int> Prepared { get; } = [];

    public void Prepare(int kernel) => Prepared.Add(kernel);

    public void Run(int kernel, int times) => run(work[kernel].Work, times);

    public void RunSteps(int times)
    {
        for (int i = 0; i < times; i++)
            foreach (int kernel in parts.SelectMany(part => Enumerable.Repeat(part.Calls, part.Times)).SelectMany(calls => calls)) run(work[kernel].Work, 1);
    }
}
