using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Tests.Graphs;

/// <summary>
/// Attention in double precision, score by score.
/// Legend: B sequences, T tokens of one, H query heads, KV key/value heads, K width of a head.
/// </summary>
internal static class ReferenceAttention
{
    public static double[] HeadProduct(HeadProduct op, double[] a, double[] b)
    {
        AttentionGeometry g = op.Geometry;
        int heads = op.Kind == HeadProductKind.MixTransposed ? g.KeyValueHeads : g.Heads;
        var y = new double[op.Kind == HeadProductKind.Scores ? g.Sequences * g.Heads * g.SequenceLength * g.SequenceLength : g.Tokens * heads * g.HeadDim];
        for (int sequence = 0; sequence < g.Sequences; sequence++)
            for (int head = 0; head < g.Heads; head++)
                for (int query = 0; query < g.SequenceLength; query++)
                    for (int key = 0; key < g.SequenceLength; key++)
                        for (int i = 0; i < g.HeadDim; i++)
                        {
                            int score = Score(g, sequence, head, query, key), q = Element(g, g.Heads, sequence, query, head, i), k = KeyElement(g, sequence, key, head, i);
                            if (op.Kind == HeadProductKind.Scores) y[score] += op.Scale * a[q] * b[k];
                            else if (op.Kind == HeadProductKind.Mix) y[q] += op.Scale * a[score] * b[k];
                            else y[k] += op.Scale * a[score] * b[q];
                        }

        return y;
    }

    /// <param name="g">Sizes.</param>
    /// <param name="window">Keys that a query sees; 0 = all.</param>
    /// <param name="scores">[B, H, T, T].</param>
    /// <param name="starts">Of documents [N].</param>
    /// <param name="pattern">An <see cref="AttentionPatternBuffer"/>, or nothing.</param>
    public static double[] CausalMask(AttentionGeometry g, int window, double[] scores, double[] starts, double[]? pattern)
    {
        AttentionPattern[] patterns = [.. Enumerable.Range(0, g.Heads).Select(head => pattern is null ? AttentionPattern.Dense : AttentionPatternBuffer.Read([.. pattern.Select(value => (int)value)], head))];
        double[] y = [.. Enumerable.Repeat(double.NegativeInfinity, scores.Length)];
        for (int sequence = 0; sequence < g.Sequences; sequence++)
            for (int head = 0; head < g.Heads; head++)
                for (int query = 0; query < g.SequenceLength; query++)
                {
                    int first = Math.Max((int)starts[sequence * g.SequenceLength + query], window > 0 ? query - window + 1 : 0);
                    int row = Score(g, sequence, head, query, 0);
                    for (int key = first; key <= query; key++)
                        if (patterns[head].Allows(query, key)) y[row + key] = scores[row + key];
                }

        return y;
    }

    public static double[] Softmax(double[] x, int columns)
    {
        var y = new double[x.Length];
        for (int row = 0; row < x.Length; row += columns)
        {
            double sum = LogSumExp(x.AsSpan(row, columns));
            for (int i = row; i < row + columns; i++) y[i] = Math.Exp(x[i] - sum);
        }

        return y;
    }

    /// <summary>Output and log-sum-exp of the fused op.</summary>
    public static double[][] Attention(Attention op, double[][] x)
    {
        AttentionGeometry g = op.Geometry;
        double[] scores = HeadProduct(new HeadProduct(HeadProductKind.Scores, g, op.Scale), x[0], x[1]);
        double[] probabilities = Softmax(CausalMask(g, op.Window, scores, x[3], op.HasPattern ? x[4] : null), g.SequenceLength);
        var sums = new double[g.Sequences * g.Heads * g.SequenceLength];
        for (int row = 0; row < sums.Length; row++)
        {
            int diagonal = row * g.SequenceLength + row % g.SequenceLength;
            sums[row] = scores[diagonal] - Math.Log(probabilities[diagonal]);
        }

        double[] o = HeadProduct(new HeadProduct(HeadProductKind.Mix, g, 1), probabilities, x[2]);
        return op.HasPattern ? [o, sums, [Visible(op, scores, x[3], x[4]) / Visible(op, scores, x[3], null)]] : [o, sums];
    }

    static double Visible(Attention op, double[] scores, double[] starts, double[]? pattern)
        => CausalMask(op.Geometry, op.Window, scores, starts, pattern).Count(double.IsFinite);

    static double LogSumExp(ReadOnlySpan<double> values)
    {
        double largest = double.NegativeInfinity, total = 0;
        foreach (double value in values) largest = Math.Max(largest, value);
        foreach (double value in values) total += Math.Exp(value - largest);
        return largest + Math.Log(total);
    }

    static int Score(AttentionGeometry g, int sequence, int head, int query, int key)
        => ((sequence * g.Heads + head) * g.SequenceLength + query) * g.SequenceLength + key;

    static int Element(AttentionGeometry g, int heads, int sequence, int token, int head, int i)
        => ((sequence * g.SequenceLength + token) * heads + head) * g.HeadDim + i;

    static int KeyElement(AttentionGeometry g, int sequence, int token, int head, int i)
        => Element(g, g.KeyValueHeads, sequence, token, head / (g.Heads / g.KeyValueHeads), i);
}
