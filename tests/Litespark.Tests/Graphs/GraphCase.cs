using Litespark.Graphs;

namespace Litespark.Tests.Graphs;

/// <summary>A small graph under construction together with the contents of its sources, the same for the same seed.</summary>
internal sealed class GraphCase(int seed)
{
    readonly Random random = new(seed);

    public GraphBuilder Builder { get; } = new();

    /// <summary>Contents of parameters and inputs by name; floats that a double holds exactly.</summary>
    public Dictionary<string, double[]> Contents { get; } = [];

    /// <summary>A trainable matrix or vector of normal numbers around <paramref name="mean"/>.</summary>
    public Value Parameter(string name, Shape shape, double mean = 0, double deviation = 1)
    {
        Contents.TryAdd(name, Normal(shape.Length, mean, deviation));
        return Builder.Parameter(name, shape, Initializer.Normal(1));
    }

    /// <summary>A matrix of normal numbers that gets no gradient.</summary>
    public Value Input(string name, Shape shape)
    {
        Contents[name] = Normal(shape.Length, 0, 1);
        return Builder.Input(name, shape);
    }

    /// <summary>Integers.</summary>
    public Value Indices(string name, params int[] values)
    {
        Contents[name] = Array.ConvertAll(values, value => (double)value);
        return Builder.Input(name, new Shape(values.Length), DataType.Int32);
    }

    public double[] Normal(long count, double mean, double deviation)
        => [.. Enumerable.Range(0, (int)count).Select(_ => (double)(float)(mean + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    /// <summary>The sources' values for the reference; constants as the graph fills them.</summary>
    public Dictionary<Value, double[]> Sources() => Builder.Graph.Sources.ToDictionary(source => source, source => ContentsOf(source));

    /// <summary>What a source holds; of a packed parameter its members one after the other.</summary>
    public double[] ContentsOf(Value source)
    {
        if (source.Members.Count > 0) return [.. source.Members.SelectMany(ContentsOf)];
        if (source.Contents is not { } fill) return Contents[source.Name];
        var table = new float[source.Shape.Length];
        fill(table);
        return Array.ConvertAll(table, value => (double)value);
    }
}
