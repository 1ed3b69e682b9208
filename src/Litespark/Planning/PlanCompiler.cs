using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>Turns a graph whose passes have run into an ordered list of kernel calls over planned memory.</summary>
internal static class PlanCompiler
{
    public static StepPlan Compile(string name, Graph graph, IReadOnlyDictionary<Value, PersistentTensor> bindings, bool inPlace = true, Func<int, int, int>? rowStride = null)
    {
        StoragePlanner.Storage storage = StoragePlanner.Plan(graph, bindings, inPlace, rowStride);
        StoragePlanner.Block[] transient = [.. storage.Blocks.Values.Select(block => block.Root).Distinct().Where(root => root.Persistent is null && root.Last >= 0)];
        long bytes = ArenaAllocator.Place(transient);

        var calls = new List<KernelCall>();
        foreach (Node node in storage.Nodes)
        {
            if (node.Op is Slice) continue;
            if (node.Op is Concat concat) AddCopies(calls, graph, node, concat, storage);
            else calls.Add(new KernelCall(node, [.. node.Inputs.Select(value => Operand(value, storage))], [.. node.Outputs.Select(value => Operand(value, storage))]));
        }

        int backward = storage.Nodes.TakeWhile(node => node.Phase == Phase.Forward).Count();
        long activations = transient.Where(block => block.HoldsActivation && block.First < backward && block.Last >= backward).Sum(block => PersistentLayout.Align(block.Bytes));
        return new StepPlan(name, calls, bytes, activations);
    }

    static Operand Operand(Value value, StoragePlanner.Storage storage)
    {
        StoragePlanner.Block block = storage.Blocks[value], root = block.Root;
        ArenaKind arena = root.Persistent is null ? ArenaKind.Transient : ArenaKind.Persistent;
        long start = root.Persistent?.Offset ?? root.Offset;
        return new Operand(value, arena, start + block.ElementOffset * block.ElementSize, block.Rows, block.Columns, block.Stride);
    }

    /// <summary>Copies only those operands of a concatenation that could not be written in place.</summary>
    static void AddCopies(List<KernelCall> calls, Graph graph, Node node, Concat concat, StoragePlanner.Storage storage)
    {
        Operand whole = Operand(node.Output, storage);
        int position = 0;
        foreach (Value input in node.Inputs)
        {
            Operand part = Operand(input, storage);
            long elements = concat.Axis == 0 ? (long)position * whole.Stride : position;
            Operand target = whole with { Offset = whole.Offset + elements * input.Type.DataType.Size(), Rows = part.Rows, Columns = part.Columns };
            if (part.Arena != target.Arena || part.Offset != target.Offset)
            {
                Value copy = graph.NewValue("copy", input.Type, input.Role);
                calls.Add(new KernelCall(new Node(new Copy(), [input], [copy], node.Phase, node.Layer), [part], [target]));
            }

            position += concat.Axis == 0 ? part.Rows : part.Columns;
        }
    }
}
