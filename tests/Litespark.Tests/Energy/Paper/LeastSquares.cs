namespace Litespark.Tests.Energy.Paper;

/// <summary>Least squares of a smooth function by Levenberg's and Marquardt's method, derivatives by differences.</summary>
internal static class LeastSquares
{
    /// <summary>Parameters at which the sum of the residuals' squares is smallest, near where it starts.</summary>
    public static double[] Fit(Func<double[], double[]> residuals, double[] start, int steps = 200)
    {
        double[] at = [.. start], values = residuals(at);
        double sum = Square(values), damping = 1e-2;
        for (int step = 0; step < steps && damping < 1e10; step++)
        {
            double[][] columns = [.. at.Select((_, i) => Derivative(residuals, at, values, i))];
            while (damping < 1e10)
            {
                double[] moved = [.. at.Zip(Solve(columns, values, damping), (a, d) => a - d)];
                double[] next = residuals(moved);
                double nextSum = Square(next);
                if (nextSum < sum)
                {
                    bool isDone = sum - nextSum < 1e-10 * sum;
                    (at, values, sum, damping) = (moved, next, nextSum, isDone ? double.PositiveInfinity : damping / 5);
                    break;
                }

                damping *= 4;
            }
        }

        return at;
    }

    static double Square(double[] values) => values.Sum(value => value * value);

    static double[] Derivative(Func<double[], double[]> residuals, double[] at, double[] values, int parameter)
    {
        const double Step = 1e-5;
        double[] beside = [.. at];
        beside[parameter] += Step;
        return [.. residuals(beside).Zip(values, (b, v) => (b - v) / Step)];
    }

    /// <summary>(JᵀJ + damping · diagonal) d = Jᵀr by elimination with pivots.</summary>
    static double[] Solve(double[][] columns, double[] values, double damping)
    {
        int n = columns.Length;
        var a = new double[n, n + 1];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++) a[i, j] = Dot(columns[i], columns[j]);
            a[i, i] += damping * (a[i, i] + 1e-9);
            a[i, n] = Dot(columns[i], values);
        }

        for (int column = 0; column < n; column++)
        {
            int pivot = Enumerable.Range(column, n - column).MaxBy(row => Math.Abs(a[row, column]));
            for (int j = 0; j <= n; j++) (a[column, j], a[pivot, j]) = (a[pivot, j], a[column, j]);
            for (int row = 0; row < n; row++)
            {
                if (row == column) continue;
                double factor = a[row, column] / a[column, column];
                for (int j = column; j <= n; j++) a[row, j] -= factor * a[column, j];
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => a[i, n] / a[i, i])];
    }

    static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
