using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>
/// The learning rate of each step as a share of its peak: linear warm-up, then cosine, linear, WSD (flat, then linear over
/// the last part; Hu et al. 2024) or constant, down to a floor at the last step.
/// </summary>
public sealed class LearningRateSchedule
{
    readonly ScheduleName name;
    readonly long steps, warmup;
    readonly double floor, decayFraction;

    /// <summary>The schedule of a recipe.</summary>
    public LearningRateSchedule(Recipe recipe)
    {
        name = recipe.Schedule.Name;
        steps = recipe.Training.MaxSteps;
        warmup = recipe.WarmupSteps;
        floor = recipe.Schedule.MinLearningRateRatio;
        decayFraction = recipe.Schedule.DecayFraction;
    }

    /// <summary>Share of the peak at a step, counted from 1.</summary>
    public double At(long step)
    {
        if (step <= warmup) return (double)step / warmup;
        double progress = steps > warmup ? Math.Min(1, (double)(step - warmup) / (steps - warmup)) : 1;
        return name switch
        {
            ScheduleName.Cosine => floor + (1 - floor) * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            ScheduleName.Linear => 1 - (1 - floor) * progress,
            ScheduleName.Wsd => 1 - (1 - floor) * DecayProgress(step),
            _ => 1,
        };
    }

    /// <summary>WSD counts its decay as a share of all steps.</summary>
    double DecayProgress(long step)
    {
        double start = Math.Max(warmup, steps * (1 - decayFraction));
        return step <= start ? 0 : Math.Min(1, (step - start) / (steps - start));
    }
}
