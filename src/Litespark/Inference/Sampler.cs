using Litespark.Data.Loading;

namespace Litespark.Inference;

/// <summary>
/// Draws tokens from logits. Deterministic: the same options and the same logits in the same order give the same tokens;
/// of equal logits the lower id comes first. Allocates nothing per token. Not thread-safe.
/// Shape legend: V vocabulary.
/// </summary>
public sealed class Sampler
{
    readonly SamplingOptions options;
    readonly ulong[] keys_V;
    readonly double[] weights_V;
    ulong draws;

    /// <summary>Starts a sequence of draws.</summary>
    /// <param name="options">How to draw.</param>
    /// <param name="vocabSize">Length of the logits.</param>
    /// <exception cref="UserErrorException">An option is out of its range.</exception>
    public Sampler(SamplingOptions options, int vocabSize)
    {
        options.Validate();
        this.options = options;
        keys_V = new ulong[options.Temperature > 0 ? vocabSize : 0];
        weights_V = new double[keys_V.Length];
    }

    /// <summary>Draws a token.</summary>
    /// <param name="logits_V">Logits [V]; −∞ excludes a token.</param>
    /// <returns>The token's id.</returns>
    /// <exception cref="RunFailureException">The logits hold NaN or +∞, or exclude every token.</exception>
    public int Sample(ReadOnlySpan<float> logits_V)
    {
        int best = Best(logits_V);
        if (options.Temperature == 0) return best;
        if (logits_V.Length != keys_V.Length) throw new ArgumentException($"{logits_V.Length} logits; the sampler was made for {keys_V.Length}", nameof(logits_V));

        int count = options.TopK > 0 && options.TopK < logits_V.Length ? SelectTopK(logits_V) : SelectAll(logits_V);
        double total = Weigh(logits_V, count, logits_V[best]);
        if (options.TopP < 1) (count, total) = SelectTopP(logits_V, count, total, logits_V[best]);
        return Draw(count, total);
    }

    static int Best(ReadOnlySpan<float> logits_V)
    {
        int best = 0;
        for (int id = 0; id < logits_V.Length; id++)
        {
            if (float.IsNaN(logits_V[id])) throw new RunFailureException($"the logit of token {id} is not a number: the weights are damaged, or training diverged");
            if (logits_V[id] > logits_V[best]) best = id;
        }

        return float.IsFinite(logits_V[best]) ? best : throw new RunFailureException($"the largest logit is {logits_V[best]}: the weights are damaged, or training diverged");
    }

    /// <summary>Sorts as the token does: higher logits first, of equal ones the lower id.</summary>
    static ulong Key(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f); // −0 becomes +0
        uint ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return (ulong)~ascending << 32 | (uint)id;
    }

    int SelectAll(ReadOnlySpan<float> logits_V)
    {
        for (int id = 0; id < logits_V.Length; id++) keys_V[id] = Key(logits_V[id], id);
        return logits_V.Length;
    }

    /// <summary>Collects up to 2k candidates, keeps the best k of them, and from then on takes only what beats the worst of those.</summary>
    int SelectTopK(ReadOnlySpan<float> logits_V)
    {
        int k = options.TopK, count = 0;
        ulong limit = ulong.MaxValue;
        for (int id = 0; id < logits_V.Length; id++)
        {
            ulong key = Key(logits_V[id], id);
            if (key >= limit) continue;
            keys_V[count++] = key;
            if (count < 2L * k) continue;
            keys_V.AsSpan(0, count).Sort();
            limit = keys_V[k - 1];
            count = k;
        }

        keys_V.AsSpan(0, count).Sort();
        return Math.Min(count, k);
    }

    /// <summary>Unnormalised probabilities of the candidates, relative to the likeliest's, and their sum.</summary>
    double Weigh(ReadOnlySpan<float> logits_V, int count, float largest)
    {
        double total = 0;
        for (int i = 0; i < count; i++)
            total += weights_V[i] = Math.Exp(((double)logits_V[(int)(uint)keys_V[i]] - largest) / options.Temperature);
        return total;
    }

    /// <summary>
    /// Keeps the shortest run of likeliest candidates with at least top-p of the sum. Candidates below (1 − p)/count of the sum have
    /// less than 1 − p together, so the others suffice, and only those few are sorted.
    /// </summary>
    (int Count, double Total) SelectTopP(ReadOnlySpan<float> logits_V, int count, double total, float largest)
    {
        double floor = (1 - options.TopP) / count * total * 0.999; // the margin covers rounding in the sum
        int likely = 0;
        for (int i = 0; i < count; i++)
            if (weights_V[i] >= floor) keys_V[likely++] = keys_V[i];
        keys_V.AsSpan(0, likely).Sort();
        Weigh(logits_V, likely, largest);

        double enough = options.TopP * total, sum = 0;
        for (int i = 0; i < likely; i++)
        {
            sum += weights_V[i];
            if (sum >= enough) return (i + 1, sum);
        }

        return (likely, sum);
    }

    int Draw(int count, double total)
    {
        double left = (SplitMix.At((ulong)options.Seed, draws++) >> 11) * (1.0 / (1UL << 53)) * total;
        int chosen = 0;
        for (int i = 0; i < count; i++)
        {
            if (weights_V[i] == 0) continue;
            chosen = i; // where rounding leaves something over at the end, the last possible one
            left -= weights_V[i];
            if (left < 0) break;
        }

        return (int)(uint)keys_V[chosen];
    }
}
