using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Energy.Advice;

/// <summary>
/// What micro-batches of several sizes take for a token, from a profile of each. With the global batch left as it is, the
/// micro-batch changes nothing of what is learnt: unlike Zeus, who changes the global batch, no epochs need be counted.
/// </summary>
public static class BatchSizes
{
    /// <summary>Time and energy of a token for each micro-batch, the smallest first.</summary>
    /// <param name="profiles">Profiles with energy, of one model on one device.</param>
    /// <exception cref="UserErrorException">They are not comparable.</exception>
    public static IReadOnlyList<AdviceOption> Of(IReadOnlyList<EnergyProfile> profiles)
    {
        ArgumentNullException.ThrowIfNull(profiles);
        ArgumentOutOfRangeException.ThrowIfZero(profiles.Count);
        EnergyProfile first = profiles[0];
        foreach (EnergyProfile profile in profiles)
        {
            PowerLimits.RequireEnergy(profile);
            if ((profile.Subject.Model, profile.Subject.SequenceLength, profile.Device.Hardware) != (first.Subject.Model, first.Subject.SequenceLength, first.Device.Hardware))
            {
                throw new UserErrorException($"The profiles are of {Text(first)} and of {Text(profile)}: micro-batches are compared of one model and sequence length, on one device.");
            }
            if (profile.Subject.TokensPerStep != first.Subject.TokensPerStep)
            {
                throw new UserErrorException($"The profiles' steps have {first.Subject.TokensPerStep} and {profile.Subject.TokensPerStep} tokens: micro-batches are compared within one global batch. Right would be the same training.global_batch_tokens in every profile.");
            }
        }

        if (profiles.DistinctBy(profile => profile.Subject.MicroBatch).Count() != profiles.Count) throw new UserErrorException("Two profiles have the same micro-batch; one of each is right.");
        return [.. profiles.OrderBy(profile => profile.Subject.MicroBatch).Select(profile => new AdviceOption(profile.Subject.MicroBatch, PerToken(profile)))];
    }

    /// <summary>A token of the whole step as it ran, or, where it did not, of the sum of its kernels.</summary>
    static StepCost PerToken(EnergyProfile profile)
    {
        long tokens = profile.Subject.TokensPerStep;
        return profile.Steps is [{ Clocks: 0, Measured: { Joules: { } joules } step }, ..]
            ? new StepCost(step.Seconds / tokens, joules / tokens)
            : new StepCost(profile.KernelSeconds / tokens, profile.KernelJoules!.Value / tokens);
    }

    static string Text(EnergyProfile profile) => $"{profile.Subject.Model} ({profile.Subject.SequenceLength} tokens) on {profile.Device.Hardware}";
}
