using Litespark.Energy;

namespace Litespark.Reporting;

/// <summary>What is known when a run begins or goes on.</summary>
public sealed record TrainingStart
{
    /// <summary>The run folder.</summary>
    public required string Run { get; init; }

    /// <summary>What is trained, in a few words: preset or family.</summary>
    public required string Model { get; init; }

    /// <summary>Trainable parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>What it runs on, in a few words: device, threads.</summary>
    public required string Device { get; init; }

    /// <summary>Steps already done: 0, or those of the checkpoint resumed from.</summary>
    public long StepsDone { get; init; }

    /// <summary>The step that ends the run.</summary>
    public required long MaxSteps { get; init; }

    /// <summary>Source of the joules, or null where energy isn't recorded.</summary>
    public string? EnergySource { get; init; }

    /// <summary>What the energy source counts or assumes.</summary>
    public string? EnergyExplanation { get; init; }

    /// <summary>By what joules become carbon and cost.</summary>
    public EnergyTerms EnergyTerms { get; init; } = EnergyTerms.Default;
}
