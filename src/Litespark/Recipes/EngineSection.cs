using Litespark.Planning.Passes;
using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.EngineSection>;

namespace Litespark.Recipes;

/// <summary>Where the step runs.</summary>
public enum DeviceChoice
{
    /// <summary>A GPU that can compute; the CPU where there is none.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}

/// <summary>Which passes make the plan of a step.</summary>
public enum PlanName
{
    /// <summary>All passes.</summary>
    Litespark,

    /// <summary>No passes: what a standard implementation runs.</summary>
    Baseline,
}

/// <summary>Number format of weights and activations in the matrix products.</summary>
public enum Precision
{
    /// <summary>bfloat16 on a GPU, float32 on the CPU.</summary>
    Auto,

    /// <summary>32-bit floats.</summary>
    Float32,

    /// <summary>bfloat16 with float32 accumulation, master weights and statistics.</summary>
    Bfloat16,
}

/// <summary>The recipe's <c>engine</c> section: how the step runs, never what it computes.</summary>
public sealed record EngineSection
{
    /// <summary>Where the step runs.</summary>
    public DeviceChoice Device { get; init; } = DeviceChoice.Auto;

    /// <summary>Which passes make the plan.</summary>
    public PlanName Plan { get; init; } = PlanName.Litespark;

    /// <summary>Single passes switched on or off.</summary>
    public PassesSection Passes { get; init; } = new();

    /// <summary>Number format.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>What is computed again in the backward pass.</summary>
    public RecomputeMode Recompute { get; init; } = RecomputeMode.None;

    /// <summary>CPU threads; 0 = one for each usable core.</summary>
    public int Threads { get; init; }

    /// <summary>CPU threads that are used: <see cref="Threads"/>, or one for each processor that the process may use.</summary>
    public int UsableThreads => Threads > 0 ? Threads : Environment.ProcessorCount;

    /// <summary>Whether the pass runs: its own switch, else the plan's default.</summary>
    /// <param name="pass">A name from <see cref="PassesSection.Names"/>.</param>
    /// <exception cref="ArgumentException">There is no pass of that name.</exception>
    public bool IsPassEnabled(string pass) => Passes[pass] ?? Plan == PlanName.Litespark;

    internal static readonly Definition<EngineSection>[] Definitions =
    [
        Key("device", Kinds.Choice(("auto", DeviceChoice.Auto), ("cpu", DeviceChoice.Cpu), ("cuda", DeviceChoice.Cuda)), s => s.Device, (s, v) => s with { Device = v },
            "cuda: an NVIDIA GPU; auto: a GPU where there is one with driver and compiler, else the CPU."),
        Key("plan", Kinds.Choice(("litespark", PlanName.Litespark), ("baseline", PlanName.Baseline)), s => s.Plan, (s, v) => s with { Plan = v },
            "litespark: every optimising pass; baseline: none, as a standard implementation runs. The loss is the same."),
        Section("passes", s => s.Passes, (s, v) => s with { Passes = v }, PassesSection.Definitions,
            "Single passes, on (true) or off (false) whatever the plan says; null = as the plan has it."),
        Key("precision", Kinds.Choice(("auto", Precision.Auto), ("float32", Precision.Float32), ("bfloat16", Precision.Bfloat16)), s => s.Precision, (s, v) => s with { Precision = v },
            "Number format of the matrix products; auto: bfloat16 on a GPU, float32 on the CPU (the CPU has no other)."),
        Key("recompute", Kinds.Choice(("none", RecomputeMode.None), ("selective", RecomputeMode.Selective), ("full", RecomputeMode.Full)), s => s.Recompute, (s, v) => s with { Recompute = v },
            "Activations computed again in the backward pass instead of kept, to save memory: none, selective (the cheap ones) or full (all but each layer's input)."),
        Key("threads", Kinds.Integer(0, 1024), s => s.Threads, (s, v) => s with { Threads = v },
            "CPU threads; 0 = one for each usable core. The loss does not depend on it."),
    ];
}
