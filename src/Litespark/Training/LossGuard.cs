namespace Litespark.Training;

/// <summary>What is wrong with a step's loss.</summary>
public enum LossProblem
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Loss or gradient norm is not a finite number.</summary>
    NotFinite,

    /// <summary>The loss is far above its running mean.</summary>
    Exploded,
}

/// <summary>Watches the loss: not finite, or many times its running mean. Its mean is state of the run.</summary>
public sealed class LossGuard(double spikeFactor)
{
    /// <summary>Weight of the newest loss in the running mean.</summary>
    const double Share = 0.05;

    /// <summary>Steps before a spike can be told, and bad steps in a row before all hope is lost.</summary>
    const int Patience = 20;

    /// <summary>Running mean of the losses that were good.</summary>
    public double Mean { get; set; }

    /// <summary>Losses in the mean.</summary>
    public long Count { get; set; }

    /// <summary>Bad losses one after the other, up to now.</summary>
    public int BadInARow { get; set; }

    /// <summary>Whether so many steps in a row were bad that leaving them out cannot help: the weights themselves are ruined.</summary>
    public bool IsHopeless => BadInARow >= Patience;

    /// <summary>Judges a loss; only a good one enters the mean.</summary>
    public LossProblem Check(double loss, double gradientNorm)
    {
        LossProblem problem = Judge(loss, gradientNorm);
        BadInARow = problem == LossProblem.None ? 0 : BadInARow + 1;
        return problem;
    }

    LossProblem Judge(double loss, double gradientNorm)
    {
        if (!double.IsFinite(loss) || !double.IsFinite(gradientNorm)) return LossProblem.NotFinite;
        if (spikeFactor > 0 && Count >= Patience && loss > spikeFactor * Mean) return LossProblem.Exploded;
        Mean = Count == 0 ? loss : Mean + Share * (loss - Mean);
        Count++;
        return LossProblem.None;
    }
}
