using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>
/// Attention with patterns in double precision, one pair after the other, and what it leaves out below a threshold by the rule of attention_select.cu:
/// cells of 64 queries and keys, panels of 16 keys with centres in bf16.
/// </summary>
internal sealed class SelectedAttention
{
    const int Cell = 64, Panel = 16;

    readonly AttentionGeometry g;
    readonly double[] q, k, v;
    readonly double[] weights; // [B, H, T, T]

    public SelectedAttention(AttentionGeometry g, int window, double scale, AttentionPattern[] patterns, double threshold, double[] q, double[] k, double[] v, Func<int, int> starts)
    {
        (this.g, this.q, this.k, this.v, Scale) = (g, q, k, v, scale);
        weights = new double[g.Sequences * g.Heads * g.SequenceLength * g.SequenceLength];
        O = new double[q.Length];
        LogSumExp = new double[g.Sequences * g.Heads * g.SequenceLength];
        long visible = 0, computed = 0;
        for (int sequence = 0; sequence < g.Sequences; sequence++)
            for (int head = 0; head < g.Heads; head++)
                for (int t0 = 0; t0 < g.SequenceLength; t0 += Cell)
                {
                    int rows = Math.Min(Cell, g.SequenceLength - t0);
                    int[] first = [.. Enumerable.Range(t0, rows).Select(t => Math.Max(starts(sequence * g.SequenceLength + t), window > 0 ? t - window + 1 : 0))];
                    for (int i = 0; i < rows; i++) visible += t0 + i + 1 - first[i];
                    int[] seen = [.. first.Select((from, i) => Enumerable.Range(from, t0 + i + 1 - from).First(j => patterns[head].Allows(t0 + i, j)))];
                    bool[] isOut = [.. Enumerable.Range(0, t0 / Cell).Select(cell => threshold > 0 && LeavesOut(sequence, head, t0, seen, cell, Math.Log(threshold) / scale))];
                    for (int i = 0; i < rows; i++) computed += Row(sequence, head, t0 + i, first[i], patterns[head], isOut);
                }

        Share = (double)computed / visible;
    }

    public double Scale { get; }

    public double[] O { get; }

    public double[] LogSumExp { get; }

    /// <summary>Pairs that are computed, of those visible without patterns.</summary>
    public double Share { get; }

    /// <summary>Gradients of Σ dO ∘ o.</summary>
    public (double[] DQ, double[] DK, double[] DV) Gradient(double[] dO)
    {
        double[] dQ = new double[q.Length], dK = new double[k.Length], dV = new double[v.Length];
        for (int sequence = 0; sequence < g.Sequences; sequence++)
            for (int head = 0; head < g.Heads; head++)
                for (int t = 0; t < g.SequenceLength; t++)
                {
                    int query = Query(sequence, head, t);
                    double delta = Dot(dO, query, O, query);
                    for (int j = 0; j <= t; j++)
                    {
                        double weight = weights[Weight(sequence, head, t, j)];
                        if (weight == 0) continue;
                        int key = Key(sequence, head, j);
                        double score = weight * (Dot(dO, query, v, key) - delta) * Scale;
                        for (int d = 0; d < g.HeadDim; d++)
                        {
                            dV[key + d] += weight * dO[query + d];
                            dQ[query + d] += score * k[key + d];
                            dK[key + d] += score * q[query + d];
                        }
                    }
                }

        return (dQ, dK, dV);
    }

    /// <summary>Fills in a query's row; returns how many pairs it has.</summary>
    int Row(int sequence, int head, int t, int first, AttentionPattern pattern, bool[] isOut)
    {
        int query = Query(sequence, head, t);
        int[] keys = [.. Enumerable.Range(first, t + 1 - first).Where(j => pattern.Allows(t, j) && !(j / Cell < isOut.Length && isOut[j / Cell]))];
        double[] scores = [.. keys.Select(j => Scale * Dot(q, query, k, Key(sequence, head, j)))];
        double most = scores.Max(), sum = scores.Sum(score => Math.Exp(score - most));
        LogSumExp[(sequence * g.Heads + head) * g.SequenceLength + t] = most + Math.Log(sum);
        for (int i = 0; i < keys.Length; i++)
        {
            double weight = weights[Weight(sequence, head, t, keys[i])] = Math.Exp(scores[i] - most) / sum;
            for (int d = 0; d < g.HeadDim; d++) O[query + d] += weight * v[Key(sequence, head, keys[i]) + d];
        }

        return keys.Length;
    }

    bool LeavesOut(int sequence, int head, int t0, int[] seen, int cell, double allowance)
    {
        for (int panel = cell * Cell / Panel; panel < (cell + 1) * Cell / Panel; panel++)
        {
            double[] centre = [.. Enumerable.Range(0, g.HeadDim).Select(d => (double)TrialTensor.Round((float)Keys(panel).Average(j => k[Key(sequence, head, j) + d]), DataType.BFloat16))];
            double radius = Math.Sqrt(Keys(panel).Max(j => Enumerable.Range(0, g.HeadDim).Sum(d => Math.Pow(k[Key(sequence, head, j) + d] - centre[d], 2))));
            for (int i = 0; i < seen.Length; i++)
            {
                if (seen[i] >= (panel + 1) * Panel) continue;
                int query = Query(sequence, head, t0 + i);
                double reference = Math.Max(Dot(q, query, k, Key(sequence, head, t0 + i)), Dot(q, query, k, Key(sequence, head, seen[i])));
                if (Dot(q, query, centre, 0) + Math.Sqrt(Dot(q, query, q, query)) * radius - reference >= allowance) return false;
            }
        }

        return true;

        static IEnumerable<int> Keys(int panel) => Enumerable.Range(panel * Panel, Panel);
    }

    int Query(int sequence, int head, int t) => ((sequence * g.SequenceLength + t) * g.Heads + head) * g.HeadDim;

    int Key(int sequence, int head, int j) => ((sequence * g.SequenceLength + j) * g.KeyValueHeads + head / (g.Heads / g.KeyValueHeads)) * g.HeadDim;

    int Weight(int sequence, int head, int t, int j) => ((sequence * g.Heads + head) * g.SequenceLength + t) * g.SequenceLength + j;

    double Dot(double[] a, int i, double[] b, int j)
    {
        double sum = 0;
        for (int d = 0; d < g.HeadDim; d++) sum += a[i + d] * b[j + d];
        return sum;
    }
}
