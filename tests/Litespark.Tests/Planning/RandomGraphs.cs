using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Graphs;

namespace Litespark.Tests.Planning;

/// <summary>Random differentiable graphs that mix views, concatenations, residual sums, norms and products: hard ground for a memory planner.</summary>
internal sealed class RandomGraphs(GraphCase g, int seed)
{
    const int Rows = 6;
    static readonly int[] Widths = [4, 8, 12];

    readonly Random random = new(seed);
    readonly List<Value> values = [];
    readonly HashSet<Value> unused = [], sliced = [];

    /// <summary>Builds a graph of some <paramref name="size"/> ops; every value contributes to the result [Rows, 4].</summary>
    public Value Build(int size)
    {
        foreach (int width in Widths) Keep(g.Parameter($"x{width}", new Shape(Rows, width)));
        Keep(g.Builder.Input("constant", new Shape(Rows, 8)));
        g.Contents["constant"] = g.Normal(Rows * 8, 0, 1);
        for (int i = 0; i < size; i++) Step(i);
        Value? total = null;
        foreach (Value value in unused.OrderBy(value => value.Id).ToArray())
        {
            Value part = g.Builder.Linear(value, Weight(4, value.Shape.Columns));
            total = total is null ? part : g.Builder.Add(total, part);
        }

        return total!;
    }

    void Step(int index)
    {
        GraphBuilder builder = g.Builder;
        Value x = Pick();
        int width = x.Shape.Columns;
        switch (random.Next(13))
        {
            case 0: Keep(builder.Linear(x, Weight(Widths[random.Next(3)], width))); break;
            case 1: Residual(x); break;
            case 2: Keep(builder.Add(x, Like(x))); break;
            case 3: Keep(builder.Multiply(Tame(x), Tame(Like(x)))); break;
            case 4: Keep(builder.Scale(x, 0.5 + random.NextDouble())); break;
            case 5: Keep(builder.Activation(x, (ActivationKind)random.Next(3))); break;
            case 6: Keep(builder.RmsNorm(x, g.Parameter($"rms{index}", new Shape(width), 1), 1e-2)); break;
            case 7: Keep(builder.LayerNorm(x, g.Parameter($"ln{index}", new Shape(width), 1), g.Parameter($"lnb{index}", new Shape(width)), 1e-2)); break;
            case 8: Split(x); break;
            case 9: Projections(x); break;
            case 10: Join(x); break;
            case 11: Keep(builder.Apply1(new GatedActivation(ActivationKind.Silu), builder.Linear(x, Weight(16, width)))); break;
            default: Gated(x); break;
        }
    }

    /// <summary>x + f(x), without a norm between: the sum's gradient is an operand and an addend of one product.</summary>
    void Residual(Value x) => Keep(g.Builder.Add(x, g.Builder.Linear(x, Weight(x.Shape.Columns, x.Shape.Columns))));

    /// <summary>Two halves along a random axis, each used for itself.</summary>
    void Split(Value x)
    {
        int axis = random.Next(2), size = axis == 0 ? Rows : x.Shape.Columns;
        if (!sliced.Add(x))
        {
            unused.Add(x);
            return;
        }

        Value left = g.Builder.Slice(x, axis, 0, size / 2), right = g.Builder.Slice(x, axis, size / 2, size - size / 2);
        Value[] halves = [g.Builder.Scale(left, 1.5), random.Next(2) == 0 ? right : g.Builder.Activation(right, ActivationKind.Silu)];
        if (random.Next(3) == 0) halves = [halves[0], g.Builder.Add(halves[0], halves[1])];
        Keep(g.Builder.Concat(axis, random.Next(2) == 0 ? halves : [halves[1], halves[0]]));
    }

    /// <summary>Three projections of one value: what fused_qkv merges.</summary>
    void Projections(Value x)
    {
        Value a = g.Builder.Linear(x, Weight(8, x.Shape.Columns)), b = g.Builder.Linear(x, Weight(8, x.Shape.Columns)), c = g.Builder.Linear(x, Weight(4, x.Shape.Columns));
        Keep(g.Builder.Multiply(Tame(a), Tame(b)));
        Keep(random.Next(2) == 0 ? c : g.Builder.Activation(c, ActivationKind.GeluTanh));
    }

    /// <summary>A gated unit: what fused_mlp merges.</summary>
    void Gated(Value x)
    {
        Value gate = g.Builder.Linear(x, Weight(8, x.Shape.Columns)), up = g.Builder.Linear(x, Weight(8, x.Shape.Columns));
        Keep(g.Builder.Multiply(g.Builder.Activation(gate, ActivationKind.Silu), up));
    }

    /// <summary>Side by side, reading the parts again afterwards now and then.</summary>
    void Join(Value x)
    {
        if (x.Shape.Columns == 12)
        {
            unused.Add(x);
            return;
        }

        Value[] narrow = [.. values.Where(value => value.Shape.Columns == 4)];
        Value other = narrow[random.Next(narrow.Length)], joined = g.Builder.Concat(1, x, other);
        unused.ExceptWith([x, other]);
        Keep(random.Next(2) == 0 ? joined : g.Builder.Scale(joined, -1));
        if (random.Next(2) == 0) Keep(g.Builder.Activation(x, ActivationKind.Silu));
    }

    /// <summary>Values grow by products; this keeps them near one.</summary>
    Value Tame(Value x) => g.Builder.RmsNorm(x, g.Parameter($"tame{g.Contents.Count}", new Shape(x.Shape.Columns), 1), 1e-2);

    Value Weight(int rows, int columns) => g.Parameter($"w{g.Contents.Count}", new Shape(rows, columns), deviation: 0.5);

    Value Pick() => Use(values[^(1 + random.Next(Math.Min(values.Count, 6)))]);

    Value Like(Value x)
    {
        Value[] same = [.. values.Where(value => value.Shape == x.Shape)];
        return Use(same[random.Next(same.Length)]);
    }

    Value Use(Value value)
    {
        unused.Remove(value);
        return value;
    }

    void Keep(Value value)
    {
        values.Add(value);
        unused.Add(value);
    }
}
