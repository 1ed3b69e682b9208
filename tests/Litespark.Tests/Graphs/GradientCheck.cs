using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Graphs;

/// <summary>
/// Builds a graph twice: once for the double-precision reference, and once for passes, autodiff, plan and CPU device; then
/// compares the value and the gradients, the reference's by central differences of Σ r ∘ y with random r.
/// </summary>
internal static class GradientCheck
{
    const double Step = 1e-5;

    /// <summary>Largest error in a value and in a gradient, relative to the tensor's largest element.</summary>
    public const double ValueTolerance = 5e-6, GradientTolerance = 2e-5;

    /// <param name="device">Where the plan runs.</param>
    /// <param name="build">Builds the value to differentiate; random contents follow from the order of its calls.</param>
    /// <param name="fuse">Forward passes, or none.</param>
    /// <param name="finish">Joint passes, or none.</param>
    /// <param name="seed">Of the contents.</param>
    /// <param name="samples">Elements of each parameter whose derivative is checked; all by default. With one, the graph is taken to be too large to simulate its plan.</param>
    public static void Run(CpuDevice device, Func<GraphCase, Value> build, Action<Graph>? fuse = null, Action<Graph>? finish = null, int seed = 1, int samples = int.MaxValue)
    {
        var reference = new GraphCase(seed);
        Value y = build(reference);
        double[] weights = y.Shape.Length == 1 ? [0.25] : reference.Normal(y.Shape.Length, 0, 1);
        double[] expected = Evaluate(reference, y);

        var ours = new GraphCase(seed);
        using GraphRun run = Differentiated(device, ours, build(ours), weights, fuse, finish);
        if (samples > 1) PlanSimulator.Check(run.Program, run.Plan);
        run.Fill(ours);
        run.Run();
        string[] names = [.. run.Program.Layout.Tensors.Keys.Where(name => !name.StartsWith("source/", StringComparison.Ordinal))];
        Dictionary<string, float[]> first = names.ToDictionary(name => name, run.Read);
        run.Fill(ours);
        run.Run();
        foreach (string name in names) Assert.Equal(first[name], run.Read(name));

        AssertClose("y", expected, first["y"], ValueTolerance);
        foreach ((string parameter, float[] gradient) in Gradients(ours, first))
            AssertGradient(reference, y, weights, parameter, gradient, samples);
    }

    static GraphRun Differentiated(CpuDevice device, GraphCase ours, Value y, double[] weights, Action<Graph>? fuse, Action<Graph>? finish)
    {
        Graph graph = ours.Builder.Graph;
        ours.Contents["cotangent"] = weights;
        graph.AddOutput("y", y);
        fuse?.Invoke(graph);
        Value[] parameters = [.. graph.Sources.Where(source => source.Role == ValueRole.Parameter)];
        Value cotangent = ours.Builder.Input("cotangent", y.Shape);
        IReadOnlyDictionary<Value, Value> gradients = Autodiff.Differentiate(graph, graph.Output("y"), cotangent, parameters);
        foreach (Value parameter in parameters) graph.AddOutput(parameter.Name, Own(ours.Builder, graph, gradients[parameter]));
        ChunkedLoss.Expand(graph, DeviceProfile.Cpu.LossChunkElements);
        finish?.Invoke(graph);
        return new GraphRun(device, graph);
    }

    /// <summary>An output has a tensor of its own: a gradient that several parameters share, or that is an input, is copied.</summary>
    static Value Own(GraphBuilder builder, Graph graph, Value gradient)
        => gradient.Producer is null || graph.Outputs.Any(output => output.Value == gradient) ? builder.Apply1(new Litespark.Graphs.Ops.Copy(), gradient) : gradient;

    /// <summary>Gradients by canonical name: packed parameters are taken apart.</summary>
    static IEnumerable<(string Name, float[] Gradient)> Gradients(GraphCase ours, Dictionary<string, float[]> outputs)
    {
        foreach (Value source in ours.Builder.Graph.Sources.Where(source => source.Role == ValueRole.Parameter))
        {
            int start = 0;
            foreach (Value member in source.Members.Count == 0 ? [source] : source.Members)
            {
                int length = (int)member.Shape.Length;
                yield return (member.Name, outputs[source.Name].AsSpan(start, length).ToArray());
                start += length;
            }
        }
    }

    static double[] Evaluate(GraphCase reference, Value y)
    {
        Dictionary<Value, double[]> values = reference.Sources();
        ReferenceInterpreter.Run(reference.Builder.Graph.Nodes, values);
        return values[y];
    }

    static void AssertGradient(GraphCase reference, Value y, double[] weights, string parameter, float[] gradient, int samples)
    {
        double[] contents = reference.Contents[parameter];
        Assert.Equal(contents.Length, gradient.Length);
        var random = new Random(11);
        int[] elements = samples >= contents.Length ? [.. Enumerable.Range(0, contents.Length)] : [.. Enumerable.Range(0, samples).Select(_ => random.Next(contents.Length))];
        double Weighted() => Evaluate(reference, y).Zip(weights, (value, weight) => value * weight).Sum();
        double scale = gradient.Max(Math.Abs);
        Assert.True(scale > 0, $"{parameter}: no gradient");
        foreach (int i in elements)
        {
            double center = contents[i];
            contents[i] = center + Step;
            double above = Weighted();
            contents[i] = center - Step;
            double expected = (above - Weighted()) / (2 * Step);
            contents[i] = center;
            Assert.True(Math.Abs(expected - gradient[i]) <= GradientTolerance * scale, $"d/d{parameter}[{i}]: {gradient[i]}, by differences {expected} (largest {scale})");
        }
    }

    static void AssertClose(string name, double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            bool close = Math.Abs(expected[i] - actual[i]) <= tolerance * scale;
            if (!close) Assert.Fail($"{name}[{i}]: {actual[i]}, in double precision {expected[i]} (largest {scale})");
        }
    }
}
