using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.SelfTesting;

/// <summary>
/// Some rows of attention over one sequence, and of its gradient, in double precision from the definition: pair by pair. A whole one would take a
/// processor minutes at a GPU's sizes.
/// </summary>
/// <param name="g">Sizes.</param>
/// <param name="scale">Factor of the scores.</param>
/// <param name="sums">The log-sum-exp of every row that the gradient is given.</param>
/// <param name="q">The sequence's queries [T, H·K].</param>
/// <param name="k">Its keys [T, KV·K].</param>
/// <param name="v">Its values [T, KV·K].</param>
/// <param name="o">The results that the gradient is given [T, H·K].</param>
/// <param name="dO">Their gradients [T, H·K].</param>
internal sealed class SparseAttentionReference(AttentionGeometry g, double scale, double sums, float[] q, float[] k, float[] v, float[] o, float[] dO)
{
    const int Queries = 24, Keys = 8;

    readonly int group = g.Heads / g.KeyValueHeads, queryColumns = g.Heads * g.HeadDim, keyColumns = g.KeyValueHeads * g.HeadDim;

    /// <summary>Queries whose rows are compared, from the first to the last, the heads in turns.</summary>
    public IEnumerable<(int Token, int Head)> QueryRows => Spread(Queries, g.Heads);

    /// <summary>Keys and values whose gradients are compared.</summary>
    public IEnumerable<(int Token, int Head)> KeyRows => Spread(Keys, g.KeyValueHeads);

    /// <summary>A query's result [K] and its log-sum-exp.</summary>
    public (double[] Result, double LogSumExp) Attention(AttentionPattern pattern, int t, int head)
    {
        int[] seen = [.. Enumerable.Range(0, t + 1).Where(j => pattern.Allows(t, j))];
        double[] scores = [.. seen.Select(j => Score(t, head, j))];
        double most = scores.Max(), sum = scores.Sum(score => Math.Exp(score - most));
        double[] result = new double[g.HeadDim];
        for (int i = 0; i < seen.Length; i++) Add(result, Math.Exp(scores[i] - most) / sum, Row(v, keyColumns, seen[i], head / group));
        return (result, most + Math.Log(sum));
    }

    /// <summary>The gradient of a query [K].</summary>
    public double[] QueryGradient(AttentionPattern pattern, int t, int head)
    {
        double[] dq = new double[g.HeadDim];
        for (int j = 0; j <= t; j++)
            if (pattern.Allows(t, j)) Add(dq, Weigh(t, head, j).ScoreGradient, Row(k, keyColumns, j, head / group));
        return dq;
    }

    /// <summary>The gradients of a key and its value [K], summed over the query heads that share them.</summary>
    public (double[] Key, double[] Value) KeyGradients(AttentionPattern pattern, int j, int keyHead)
    {
        double[] dk = new double[g.HeadDim], dv = new double[g.HeadDim];
        for (int head = keyHead * group; head < (keyHead + 1) * group; head++)
            for (int t = j; t < g.SequenceLength; t++)
            {
                if (!pattern.Allows(t, j)) continue;
                (double weight, double scoreGradient) = Weigh(t, head, j);
                Add(dk, scoreGradient, Row(q, queryColumns, t, head));
                Add(dv, weight, Row(dO, queryColumns, t, head));
            }

        return (dk, dv);
    }

    /// <summary>A pair's weight by the sums that the gradient is given, and what its score's gradient times the scale is.</summary>
    (double Weight, double ScoreGradient) Weigh(int t, int head, int j)
    {
        ReadOnlySpan<float> row = Row(dO, queryColumns, t, head);
        double weight = Math.Exp(Score(t, head, j) - sums);
        return (weight, scale * weight * (Dot(row, Row(v, keyColumns, j, head / group)) - Dot(row, Row(o, queryColumns, t, head))));
    }

    double Score(int t, int head, int j) => scale * Dot(Row(q, queryColumns, t, head), Row(k, keyColumns, j, head / group));

    ReadOnlySpan<float> Row(float[] values, int columns, int token, int head) => values.AsSpan(token * columns + head * g.HeadDim, g.HeadDim);

    IEnumerable<(int Token, int Head)> Spread(int count, int heads)
        => Enumerable.Range(0, count).Select(i => ((int)((long)i * (g.SequenceLength - 1) / (count - 1)), i % heads)).Distinct();

    static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (double)a[i] * b[i];
        return sum;
    }

    static void Add(double[] to, double factor, ReadOnlySpan<float> row)
    {
        for (int i = 0; i < to.Length; i++) to[i] += factor * row[i];
    }
}
