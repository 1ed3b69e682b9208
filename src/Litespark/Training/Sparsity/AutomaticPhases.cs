using System.Text.Json.Nodes;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// Ends phases by what is observed. The dense start ends when the loss falls too little: least squares over its last
/// <c>loss_window_steps</c> finite values, looked at every <c>update_every_steps</c>. Full sparsity ends when updates bring too few blocks alive. Either must
/// be so <c>patience</c> times in a row. The recipe's steps are the latest ones; ramps keep their lengths, and the dense end begins where the ramp ends.
/// </summary>
internal sealed class AutomaticPhases
{
    readonly SparsitySection section;
    readonly Queue<double> losses = new();
    int flatLooks, settledLooks;

    public AutomaticPhases(SparsitySection section, SparsityPhases latest)
    {
        this.section = section;
        Phases = latest;
    }

    /// <summary>The phases as they are now.</summary>
    public SparsityPhases Phases { get; private set; }

    /// <summary>A step's loss. Returns whether the phases changed, from the next step on.</summary>
    public bool ObserveLoss(int step, double loss)
    {
        // The next step is the last one of the dense start at the earliest.
        if (step + 1 >= Phases.DenseUntil) return false;
        if (double.IsFinite(loss))
        {
            losses.Enqueue(loss);
            if (losses.Count > section.LossWindowSteps) losses.Dequeue();
        }
        if (step % section.UpdateEverySteps != 0 || losses.Count < section.LossWindowSteps) return false;
        if (!Enough(ref flatLooks, -1000 * Slope(losses) < section.LossSlopeThreshold)) return false;
        losses.Clear();
        Phases = Phases with { DenseUntil = step + 1, SparseFrom = step + 1 + Phases.SparseFrom - Phases.DenseUntil };
        return true;
    }

    /// <summary>A topology step's churn. Returns whether the phases changed, from the next step on.</summary>
    public bool ObserveChurn(int step, double churn)
    {
        bool isUltraSparse = step >= Phases.SparseFrom && Phases.RestoreFrom != SparsityPhases.Never && step + 2 < Phases.RestoreFrom;
        if (!isUltraSparse || !Enough(ref settledLooks, churn < section.EffectiveChurnThreshold)) return false;
        Phases = Phases with { RestoreFrom = step + 2, DenseFrom = step + 2 + Phases.DenseFrom - Phases.RestoreFrom };
        return true;
    }

    public JsonObject ToJson() => new()
    {
        ["dense_until"] = Phases.DenseUntil,
        ["sparse_from"] = Phases.SparseFrom,
        ["restore_from"] = Phases.RestoreFrom,
        ["dense_from"] = Phases.DenseFrom,
        ["losses"] = new JsonArray([.. losses.Select(loss => JsonValue.Create(loss))]),
        ["flat_looks"] = flatLooks,
        ["settled_looks"] = settledLooks,
    };

    /// <exception cref="InvalidOperationException">A member is missing or of the wrong kind (also <see cref="FormatException"/>, <see cref="NullReferenceException"/>).</exception>
    public void Restore(JsonObject json)
    {
        Phases = Phases with { DenseUntil = (int)json["dense_until"]!, SparseFrom = (int)json["sparse_from"]!, RestoreFrom = (int)json["restore_from"]!, DenseFrom = (int)json["dense_from"]! };
        losses.Clear();
        foreach (JsonNode? loss in json["losses"]!.AsArray()) losses.Enqueue((double)loss!);
        (flatLooks, settledLooks) = ((int)json["flat_looks"]!, (int)json["settled_looks"]!);
    }

    /// <summary>Counts looks in a row that were under their threshold.</summary>
    bool Enough(ref int looks, bool isUnder)
    {
        looks = isUnder ? looks + 1 : 0;
        return looks >= section.Patience;
    }

    /// <summary>Slope of the least-squares line through values at 0, 1, 2 …</summary>
    internal static double Slope(IReadOnlyCollection<double> values)
    {
        double middle = (values.Count - 1) / 2.0, mean = values.Average(), covariance = 0, variance = 0, x = -middle;
        foreach (double value in values)
        {
            covariance += x * (value - mean);
            variance += x * x;
            x++;
        }
        return covariance / variance;
    }
}
