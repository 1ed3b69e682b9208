using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Attention and its gradient in double precision by plain loops over every query, head and key.</summary>
internal static unsafe class AttentionReference
{
    public static double[,] ToDouble(Matrix m)
    {
        double[,] result = new double[m.Rows, m.Columns];
        for (int r = 0; r < m.Rows; r++)
            for (int c = 0; c < m.Columns; c++) result[r, c] = m.Row(r)[c];
        return result;
    }

    /// <summary>Probabilities of one query over the keys [first, end), rows from keyRow on, 0 for those that its head's pattern hides; returns log Σ exp.</summary>
    static double Probabilities(double[,] q, int queryRow, int head, double[,] k, int keyRow, int first, int end, AttentionShape shape, double[] p)
    {
        int queryColumn = head * shape.HeadDim, keyColumn = head / shape.Group * shape.HeadDim;
        double max = double.NegativeInfinity, sum = 0;
        for (int key = first; key < end; key++)
        {
            double score = 0;
            for (int d = 0; d < shape.HeadDim; d++) score += q[queryRow, queryColumn + d] * k[keyRow + key, keyColumn + d];
            p[key] = shape.PatternOf(head).Allows(end - 1, key) ? score * shape.Scale : double.NegativeInfinity;
            max = Math.Max(max, p[key]);
        }
        for (int key = first; key < end; key++) sum += Math.Exp(p[key] - max);
        for (int key = first; key < end; key++) p[key] = Math.Exp(p[key] - max) / sum;
        return max + Math.Log(sum);
    }

    /// <summary>Output of query rows that see the key ranges [first(row), end(row)); keys of row r begin at keyRow(r).</summary>
    static (double[,] O, double[,] LogSumExp) Forward(AttentionShape shape, double[,] q, double[,] k, double[,] v,
        Func<int, (int KeyRow, int First, int End)> range)
    {
        double[,] o = new double[q.GetLength(0), q.GetLength(1)], lse = new double[q.GetLength(0), shape.Heads];
        double[] p = new double[k.GetLength(0)];
        for (int row = 0; row < q.GetLength(0); row++)
        {
            (int keyRow, int first, int end) = range(row);
            for (int h = 0; h < shape.Heads; h++)
            {
                int column = h * shape.HeadDim, keyColumn = h / shape.Group * shape.HeadDim;
                lse[row, h] = Probabilities(q, row, h, k, keyRow, first, end, shape, p);
                for (int key = first; key < end; key++)
                    for (int d = 0; d < shape.HeadDim; d++) o[row, column + d] += p[key] * v[keyRow + key, keyColumn + d];
            }
        }
        return (o, lse);
    }

    static (int KeyRow, int First, int End) Range(AttentionShape shape, int row)
    {
        int t = row % shape.Tokens, first = shape.DocumentStarts is null ? 0 : shape.DocumentStarts[row];
        return (row - t, shape.Window > 0 ? Math.Max(first, t - shape.Window + 1) : first, t + 1);
    }

    public static (double[,] O, double[,] LogSumExp) Forward(AttentionShape shape, double[,] q, double[,] k, double[,] v)
        => Forward(shape, q, k, v, row => Range(shape, row));

    public static double[,] Cached(AttentionShape shape, double[,] q, double[,] k, double[,] v, int[] positions)
        => Forward(shape, q, k, v,
            row => (0, shape.Window > 0 ? Math.Max(0, positions[row] - shape.Window + 1) : 0, positions[row] + 1)).O;

    public static (double[,] DQ, double[,] DK, double[,] DV) Gradient(AttentionShape shape, double[,] q, double[,] k, double[,] v,
        double[,] dO)
    {
        double[,] dQ = new double[q.GetLength(0), q.GetLength(1)], dK = new double[k.GetLength(0), k.GetLength(1)];
        double[,] dV = new double[k.GetLength(0), k.GetLength(1)];
        double[] p = new double[k.GetLength(0)], dP = new double[k.GetLength(0)];
        for (int row = 0; row < shape.Rows; row++)
        {
            (int keyRow, int first, int end) = Range(shape, row);
            for (int h = 0; h < shape.Heads; h++)
            {
                int column = h * shape.HeadDim, keyColumn = h / shape.Group * shape.HeadDim;
                Probabilities(q, row, h, k, keyRow, first, end, shape, p);
                double mean = 0;
                for (int key = first; key < end; key++)
                {
                    dP[key] = 0;
                    for (int d = 0; d < shape.HeadDim; d++)
                    {
                        dP[key] += dO[row, column + d] * v[keyRow + key, keyColumn + d];
                        dV[keyRow + key, keyColumn + d] += p[key] * dO[row, column + d];
                    }
                    mean += p[key] * dP[key];
                }
                for (int key = first; key < end; key++)
                {
                    double dS = p[key] * (dP[key] - mean) * shape.Scale;
                    for (int d = 0; d < shape.HeadDim; d++)
                    {
                        dQ[row, column + d] += dS * k[keyRow + key, keyColumn + d];
                        dK[keyRow + key, keyColumn + d] += dS * q[row, column + d];
                    }
                }
            }
        }
        return (dQ, dK, dV);
    }
}
