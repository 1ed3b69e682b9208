using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Planning.Passes;

namespace Litespark.Tests.Graphs;

/// <summary>Plans any graph, loads it on the CPU and runs it over poisoned transient memory.</summary>
internal sealed class GraphRun : IDisposable
{
    readonly Dictionary<Value, PersistentTensor> bindings = [];
    readonly CpuProgram loaded;

    public GraphRun(CpuDevice device, Graph graph)
    {
        Cleanup.Run(graph);
        var layout = new PersistentLayout();
        var constants = new List<(PersistentTensor, Action<Span<float>>)>();
        foreach (Value source in graph.Sources)
        {
            PersistentTensor tensor = bindings[source] = layout.Add("source/" + source.Name, MemoryCategory.Exchange, source.Type);
            if (source.Contents is { } contents) constants.Add((tensor, contents));
        }

        foreach (GraphOutput output in graph.Outputs) bindings[output.Value] = layout.Add(output.Name, MemoryCategory.Gradients, output.Value.Type);
        // Rows some elements apart wherever a plan may lay them so.
        Plan = PlanCompiler.Compile("graph", graph, bindings, rowStride: (_, columns) => columns + 3);
        Program = new StepProgram(layout, new ParameterTable([]), [Plan], constants, vocabulary: 0);
        loaded = (CpuProgram)device.Load(Program);
    }

    public StepPlan Plan { get; }

    public StepProgram Program { get; }

    /// <summary>Fills all sources but the constants.</summary>
    public void Fill(GraphCase contents)
    {
        foreach (Value source in bindings.Keys.Where(value => value.Producer is null && value.Role != ValueRole.Constant))
        {
            double[] values = contents.ContentsOf(source);
            if (source.Type.DataType == DataType.Int32) loaded.Write<int>(bindings[source], 0, Array.ConvertAll(values, value => (int)value));
            else loaded.Write<float>(bindings[source], 0, Array.ConvertAll(values, value => (float)value));
        }
    }

    public void Run()
    {
        Poison.Fill(loaded);
        loaded.Run(Plan);
    }

    public float[] Read(string output)
    {
        PersistentTensor tensor = Program.Layout[output];
        var values = new float[tensor.Type.Shape.Length];
        loaded.Read<float>(tensor, 0, values);
        return values;
    }

    public void Dispose() => loaded.Dispose();
}

/// <summary>Makes stale memory visible.</summary>
internal static class Poison
{
    /// <summary>Transient memory holds not-a-number everywhere: a read of something that the plan did not write shows in the results.</summary>
    public static unsafe void Fill(Litespark.Planning.ILoadedProgram program)
    {
        NativeBuffer transient = ((CpuProgram)program).Transient;
        new Span<float>(transient.Floats, checked((int)(transient.ByteLength / sizeof(float)))).Fill(float.NaN);
    }
}
