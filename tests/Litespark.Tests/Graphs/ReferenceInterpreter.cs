using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning.Passes;

namespace Litespark.Tests.Graphs;

/// <summary>
/// Evaluates forward graphs in double precision, each op straight from its definition: what kernels, gradients (by finite
/// differences) and passes are checked against. Integers are kept as doubles too; a tensor is its elements in row-major order.
/// </summary>
internal static class ReferenceInterpreter
{
    /// <summary>Evaluates all nodes; <paramref name="values"/> holds the sources and receives every result.</summary>
    public static void Run(IEnumerable<Node> nodes, Dictionary<Value, double[]> values)
    {
        foreach (Node node in nodes)
        {
            double[][] inputs = [.. node.Inputs.Select(input => values[input])];
            double[][] outputs = Evaluate(node, inputs);
            for (int i = 0; i < outputs.Length; i++)
            {
                if (node.AddendOf(i) is { } addend) outputs[i] = Zip(outputs[i], values[addend], (a, b) => a + b);
                values[node.Outputs[i]] = outputs[i];
            }
        }
    }

    static double[][] Evaluate(Node node, double[][] x) => node.Op switch
    {
        Embedding => [Lookup(node, x[0], x[1])],
        MatMul op => [MatMul(node, op, x)],
        ColumnSum => [ReferenceMath.ColumnSum(x[0], node.Inputs[0].Shape.Columns)],
        RmsNorm op => RmsNorm(op, x, node.Inputs[0].Shape.Columns),
        LayerNorm op => LayerNorm(op, x, node.Inputs[0].Shape.Columns),
        Rope op => [ReferenceMath.Rope(op, x, node.Inputs[0].Shape.Columns)],
        HeadProduct op => [ReferenceAttention.HeadProduct(op, x[0], x[1])],
        CausalMask op => [ReferenceAttention.CausalMask(op.Geometry, op.Window, x[0], x[1], op.HasPattern ? x[2] : null)],
        Softmax => [ReferenceAttention.Softmax(x[0], node.Inputs[0].Shape.Columns)],
        Attention op => ReferenceAttention.Attention(op, x),
        Activation op => [Array.ConvertAll(x[0], v => ReferenceMath.Activation(op.Kind, v))],
        GatedActivation op => [ReferenceMath.GatedActivation(op.Kind, x[0], node.Output.Shape.Columns)],
        Add => [Zip(x[0], x[1], (a, b) => a + b)],
        Multiply => [Zip(x[0], x[1], (a, b) => a * b)],
        Scale op => [Array.ConvertAll(x[0], v => v * op.Factor)],
        Fill op => [Enumerable.Repeat((double)op.Content, (int)op.Shape.Length).ToArray()],
        Copy => [[.. x[0]]],
        Slice op => [Slice(op, x[0], node.Inputs[0].Shape)],
        Concat op => [Concat(op, node, x)],
        CrossEntropy => ReferenceMath.CrossEntropy(x[0], x[1], node.Inputs[0].Shape.Columns),
        LinearCrossEntropy => [ReferenceMath.CrossEntropy(Product(x[0], false, x[1], true, node.Inputs[0].Shape, node.Inputs[1].Shape), x[2], node.Inputs[1].Shape.Rows)[0]],
        Sum => [[x[0].Sum()]],
        _ => throw new NotSupportedException($"the reference has no {node.Op.Name}"),
    };

    static double[] Zip(double[] a, double[] b, Func<double, double, double> f) => [.. a.Zip(b, f)];

    static double[] Lookup(Node node, double[] indices, double[] table)
    {
        int width = node.Inputs[1].Shape.Columns;
        return [.. indices.SelectMany(index => table.Skip((int)index * width).Take(width))];
    }

    static double[] MatMul(Node node, MatMul op, double[][] x)
    {
        double[] y = Product(x[0], op.TransposeA, x[1], op.TransposeB, node.Inputs[0].Shape, node.Inputs[1].Shape);
        int columns = node.Output.Shape.Columns;
        for (int i = 0; i < y.Length; i++) y[i] = op.Alpha * y[i] + (op.HasBias ? x[2][i % columns] : 0);
        return y;
    }

    static double[] Product(double[] a, bool transposeA, double[] b, bool transposeB, Shape shapeA, Shape shapeB)
    {
        (int m, int inner) = transposeA ? (shapeA.Columns, shapeA.Rows) : (shapeA.Rows, shapeA.Columns);
        int n = transposeB ? shapeB.Rows : shapeB.Columns;
        var y = new double[m * n];
        for (int i = 0; i < m; i++)
            for (int k = 0; k < inner; k++)
            {
                double left = transposeA ? a[k * m + i] : a[i * inner + k];
                for (int j = 0; j < n; j++) y[i * n + j] += left * (transposeB ? b[j * inner + k] : b[k * n + j]);
            }

        return y;
    }

    static double[][] RmsNorm(RmsNorm op, double[][] x, int columns)
    {
        double[] sum = op.HasResidual ? Zip(x[0], x[2], (a, b) => a + b) : x[0];
        double[] y = new double[sum.Length], inverse = new double[sum.Length / op.GroupSize];
        for (int group = 0; group < inverse.Length; group++)
        {
            double squares = 0;
            for (int i = 0; i < op.GroupSize; i++) squares += Math.Pow(sum[group * op.GroupSize + i], 2);
            inverse[group] = 1 / Math.Sqrt(squares / op.GroupSize + op.Epsilon);
            for (int i = 0; i < op.GroupSize; i++) y[group * op.GroupSize + i] = sum[group * op.GroupSize + i] * inverse[group] * x[1][i];
        }

        return op.HasResidual ? [y, inverse, sum] : [y, inverse];
    }

    static double[][] LayerNorm(LayerNorm op, double[][] x, int columns)
    {
        double[] sum = op.HasResidual ? Zip(x[0], x[3], (a, b) => a + b) : x[0];
        int rows = sum.Length / columns;
        double[] y = new double[sum.Length], means = new double[rows], inverse = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<double> values = sum.AsSpan(row * columns, columns);
            double variance = 0;
            foreach (double value in values) means[row] += value / columns;
            foreach (double value in values) variance += Math.Pow(value - means[row], 2) / columns;
            inverse[row] = 1 / Math.Sqrt(variance + op.Epsilon);
            for (int i = 0; i < columns; i++) y[row * columns + i] = (values[i] - means[row]) * inverse[row] * x[1][i] + x[2][i];
        }

        return op.HasResidual ? [y, means, inverse, sum] : [y, means, inverse];
    }

    static double[] Slice(Slice op, double[] x, Shape shape)
    {
        if (op.Axis == 0) return x.AsSpan(op.Start * shape.Columns, op.Length * shape.Columns).ToArray();
        return [.. Enumerable.Range(0, shape.Rows).SelectMany(row => x.AsSpan(row * shape.Columns + op.Start, op.Length).ToArray())];
    }

    static double[] Concat(Concat op, Node node, double[][] x)
    {
        if (op.Axis == 0) return [.. x.SelectMany(part => part)];
        return [.. Enumerable.Range(0, node.Output.Shape.Rows).SelectMany(row => x.SelectMany((part, i) =>
        {
            int width = node.Inputs[i].Shape.Columns;
            return part.AsSpan(row * width, width).ToArray();
        }))];
    }
}
