using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>
/// Decides which values share memory: slices are views of their operand, a concatenation's operands are written in place,
/// results take over the memory of operands that die, sums go into their addend, and outputs into their persistent tensor.
/// What is left are blocks with a size and a lifetime, which <see cref="ArenaAllocator"/> places.
/// </summary>
internal sealed class StoragePlanner
{
    readonly Graph graph;
    readonly IReadOnlyDictionary<Value, PersistentTensor> bindings;
    readonly Dictionary<Value, int> lastUse = [];
    readonly Dictionary<Value, List<Node>> readers = [];
    readonly Dictionary<Value, Block> blocks = [];
    readonly List<Node> nodes = [];

    readonly bool inPlace;

    StoragePlanner(Graph graph, IReadOnlyDictionary<Value, PersistentTensor> bindings, bool inPlace)
    {
        this.graph = graph;
        this.bindings = bindings;
        this.inPlace = inPlace;
    }

    /// <summary>Memory that one or more values occupy, whole or as a view into a parent block.</summary>
    internal sealed class Block
    {
        public required int Rows;
        public required int Columns;
        public required int ElementSize;
        public PersistentTensor? Persistent;
        public bool IsReadOnly;
        public Block? Parent;
        public int Row, Column;

        /// <summary>Elements between the end of a row and the next one.</summary>
        public int Padding;
        public int First = int.MaxValue, Last = -1;
        public bool HoldsActivation;
        public long Offset;

        public Block Root => Parent is null ? this : Parent.Root;
        public int Stride => Parent is null ? Columns + Padding : Parent.Stride;
        public long ElementOffset => Parent is null ? 0 : Parent.ElementOffset + (long)Row * Parent.Stride + Column;
        public long Bytes => (long)Rows * (Columns + Padding) * ElementSize;
    }

    /// <summary>The result: nodes to execute in order (copies inserted), and each value's block.</summary>
    internal sealed record Storage(IReadOnlyList<Node> Nodes, IReadOnlyDictionary<Value, Block> Blocks);

    /// <summary>Plans the storage of a graph whose sources and outputs are bound to persistent tensors.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="bindings">Where its sources and outputs lie.</param>
    /// <param name="inPlace">Whether element-wise results take over memory; sums and the optimiser's always do.</param>
    /// <param name="rowStride">How far apart so many rows of so many columns should lie; null: next to each other.</param>
    public static Storage Plan(Graph graph, IReadOnlyDictionary<Value, PersistentTensor> bindings, bool inPlace, Func<int, int, int>? rowStride)
    {
        var planner = new StoragePlanner(graph, bindings, inPlace);
        planner.InsertCopies();
        planner.Index();
        planner.AssignBlocks();
        planner.BindOutputs();
        planner.PlaceConcatenations();
        if (rowStride is not null) RowPadding.Apply(planner.nodes, planner.blocks, rowStride);
        planner.ComputeLifetimes();
        return new Storage(planner.nodes, planner.blocks);
    }

    /// <summary>An op that adds into its addend needs one of its own: where the addend lives on, or may not be written, it gets a copy.</summary>
    void InsertCopies()
    {
        nodes.AddRange(graph.Nodes);
        Index();
        var result = new List<Node>();
        foreach (Node node in nodes)
        {
            Value[]? inputs = null;
            for (int i = 0; i < node.Op.Addends.Count; i++)
            {
                int index = node.OperandCount + i, output = node.Op.Addends[i];
                Value addend = node.Inputs[index];
                bool writable = addend.Producer is not null || (addend.Role == ValueRole.State && bindings.TryGetValue(addend, out PersistentTensor? slot) && WritesTo(node.Outputs[output], slot));
                if (!node.Op.AddendMustAlias(output) || (writable && lastUse[addend] == PositionOf(node) && node.Inputs.Count(input => input == addend) == 1
                    && !IsReadTwice(node, index) && !IsSharedAfter(addend, PositionOf(node)))) continue;
                Value copy = graph.NewValue("copy", addend.Type, ValueRole.Gradient);
                result.Add(new Node(new Copy(), [addend], [copy], node.Phase, node.Layer));
                inputs ??= [.. node.Inputs];
                inputs[index] = copy;
            }

            result.Add(inputs is null ? node : new Node(node.Op, inputs, node.Outputs, node.Phase, node.Layer));
        }

        nodes.Clear();
        nodes.AddRange(result);
    }

    readonly Dictionary<Node, int> positions = [];

    int PositionOf(Node node) => positions[node];

    /// <summary>Whether a chain of in-place sums that starts with this value ends in the given tensor.</summary>
    bool WritesTo(Value value, PersistentTensor slot)
    {
        for (Value current = value; ;)
        {
            if (bindings.TryGetValue(current, out PersistentTensor? bound)) return bound == slot;
            if (!readers.TryGetValue(current, out List<Node>? list) || list.Count != 1) return false;
            Node reader = list[0];
            int output = Enumerable.Range(0, reader.Outputs.Count).FirstOrDefault(i => reader.AddendOf(i) == current || (reader.Op is Add && reader.Op.InPlaceInput(i) >= 0 && reader.Inputs[reader.Op.InPlaceInput(i)] == current), -1);
            if (output < 0) return false;
            current = reader.Outputs[output];
        }
    }

    /// <summary>Finds readers and last uses; a view or a concatenation keeps its operands alive as long as itself.</summary>
    void Index()
    {
        lastUse.Clear();
        readers.Clear();
        positions.Clear();
        for (int i = 0; i < nodes.Count; i++) positions[nodes[i]] = i;
        foreach (GraphOutput output in graph.Outputs) lastUse[output.Value] = int.MaxValue;
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            bool isView = nodes[i].Op is Slice or Concat;
            int end = i;
            foreach (Value output in nodes[i].Outputs)
            {
                lastUse.TryAdd(output, i);
                if (isView) end = Math.Max(end, lastUse[output]);
            }

            foreach (Value input in nodes[i].Inputs)
            {
                lastUse[input] = Math.Max(lastUse.GetValueOrDefault(input, -1), end);
                if (!readers.TryGetValue(input, out List<Node>? list)) readers[input] = list = [];
                list.Add(nodes[i]);
            }
        }
    }

    void AssignBlocks()
    {
        foreach (Value source in graph.Sources)
        {
            if (!bindings.TryGetValue(source, out PersistentTensor? tensor)) continue;
            blocks[source] = NewBlock(source);
            blocks[source].Persistent = tensor;
            blocks[source].IsReadOnly = source.Role != ValueRole.State;
        }

        for (int i = 0; i < nodes.Count; i++)
        {
            Node node = nodes[i];
            var taken = new HashSet<Block>();
            for (int output = 0; output < node.Outputs.Count; output++)
            {
                Value value = node.Outputs[output];
                Block block = node.Op is Slice slice ? View(blocks[node.Inputs[0]], slice, value) : InPlace(node, output, i, taken) ?? NewBlock(value);
                if (node.Op is not Slice) taken.Add(block);
                blocks[value] = block;
            }
        }
    }

    static Block NewBlock(Value value)
        => new() { Rows = value.Shape.Rows, Columns = value.Shape.Columns, ElementSize = value.Type.DataType.Size() };

    static Block View(Block parent, Slice slice, Value value) => new()
    {
        Rows = value.Shape.Rows,
        Columns = value.Shape.Columns,
        ElementSize = parent.ElementSize,
        Parent = parent,
        Row = slice.Axis == 0 ? slice.Start : 0,
        Column = slice.Axis == 1 ? slice.Start : 0,
    };

    /// <summary>The block of an operand that this output can take over, or null.</summary>
    Block? InPlace(Node node, int output, int position, HashSet<Block> taken)
    {
        Value value = node.Outputs[output];
        if (node.AddendOf(output) is { } addend)
        {
            bool must = node.Op.AddendMustAlias(output);
            if (must || CanTakeOver(node, node.OperandCount + node.Op.Addends.IndexOf(output), value, position, taken)) return blocks[addend];
        }

        bool allowed = inPlace || node.Op is Add || node.Phase == Phase.Optimizer;
        int input = allowed ? node.Op.InPlaceInput(output) : -1;
        return input >= 0 && CanTakeOver(node, input, value, position, taken) ? blocks[node.Inputs[input]] : null;
    }

    bool CanTakeOver(Node node, int index, Value value, int position, HashSet<Block> taken)
    {
        Value operand = node.Inputs[index];
        Block block = blocks[operand];
        Block root = block.Root;
        if (taken.Contains(block) || block.Rows != value.Shape.Rows || block.Columns != value.Shape.Columns || block.ElementSize != value.Type.DataType.Size()) return false;
        if (root.IsReadOnly || lastUse[operand] != position || IsReadTwice(node, index) || IsSharedAfter(operand, position)) return false;
        return root.Persistent is null || WritesTo(value, root.Persistent);
    }

    /// <summary>Whether someone reads the operand's memory later through what it is a view of, another view of that, or a part of it.</summary>
    bool IsSharedAfter(Value operand, int position)
    {
        if (operand.Producer is { Op: Concat } whole) return whole.Inputs.Any(part => IsReadAfter(part, position) || IsSharedAfter(part, position));
        if (operand.Producer?.Op is not Slice slice) return false;
        Value parent = operand.Producer.Inputs[0];
        foreach (Node reader in readers[parent])
        {
            if (reader.Op is Slice other)
            {
                if (!AreDisjoint(slice, other) && reader.Output != operand && lastUse[reader.Output] > position) return true;
            }
            else if (PositionOf(reader) > position || reader.Op is Concat)
            {
                return true;
            }
        }

        return graph.Outputs.Any(output => output.Value == parent) || IsSharedAfter(parent, position);
    }

    bool IsReadAfter(Value value, int position)
        => graph.Outputs.Any(output => output.Value == value)
            || readers[value].Any(reader => reader.Op is Slice or Concat ? IsReadAfter(reader.Output, position) : PositionOf(reader) > position);

    /// <summary>Whether a node reads the memory of one of its inputs through another one too: then it must not overwrite it.</summary>
    static bool IsReadTwice(Node node, int index)
    {
        Value operand = node.Inputs[index];
        return Enumerable.Range(0, node.Inputs.Count).Any(other => other != index && node.Inputs[other] != operand && MayOverlap(operand, node.Inputs[other]));
    }

    static bool MayOverlap(Value a, Value b)
    {
        if (a.Producer is { Op: Slice left } && b.Producer is { Op: Slice right } && a.Producer.Inputs[0] == b.Producer.Inputs[0] && AreDisjoint(left, right)) return false;
        return Parts(a).Intersect(Parts(b)).Any();
    }

    /// <summary>The values whose memory a view or a concatenation shares.</summary>
    static IEnumerable<Value> Parts(Value value)
        => value.Producer is { Op: Slice or Concat } view ? view.Inputs.SelectMany(Parts).Append(value) : [value];

    static bool AreDisjoint(Slice a, Slice b) => a.Axis == b.Axis && (a.Start + a.Length <= b.Start || b.Start + b.Length <= a.Start);

    /// <summary>Gives each output of the graph its persistent tensor, by a copy where its memory is already something else's.</summary>
    void BindOutputs()
    {
        foreach (GraphOutput output in graph.Outputs)
        {
            PersistentTensor tensor = bindings[output.Value];
            Block block = blocks[output.Value];
            if (block.Persistent == tensor && block.Parent is null) continue;
            // A tensor that the plan also reads must not be overwritten before it was read: only an in-place sum (above) shares it.
            bool isRead = graph.Sources.Any(source => bindings.GetValueOrDefault(source) == tensor);
            bool free = block.Parent is null && block.Persistent is null && block.Bytes == tensor.Bytes && !isRead;
            if (free)
            {
                block.Persistent = tensor;
                continue;
            }

            Value copy = graph.NewValue(output.Name, output.Value.Type, ValueRole.Gradient);
            Node last = new(new Copy(), [output.Value], [copy], output.Value.Producer?.Phase ?? Phase.Forward, -1);
            nodes.Add(last);
            blocks[copy] = NewBlock(copy);
            blocks[copy].Persistent = tensor;
            lastUse[output.Value] = nodes.Count;
        }
    }

    /// <summary>Lets the operands of a concatenation live inside its result; the others stay operands of a copy.</summary>
    void PlaceConcatenations()
    {
        foreach (Node node in nodes.Where(node => node.Op is Concat).Reverse())
        {
            Block whole = blocks[node.Output];
            int axis = ((Concat)node.Op).Axis, position = 0;
            foreach (Value input in node.Inputs)
            {
                Block part = blocks[input];
                int length = axis == 0 ? input.Shape.Rows : input.Shape.Columns;
                bool free = part.Parent is null && part.Persistent is null && part != whole && node.Inputs.Count(other => blocks[other] == part) == 1
                    && SupportsStride(part, whole, axis);
                if (free) (part.Parent, part.Row, part.Column) = (whole, axis == 0 ? position : 0, axis == 1 ? position : 0);
                position += length;
            }
        }
    }

    /// <summary>Vectors are read and written without a stride; matrices with any.</summary>
    static bool SupportsStride(Block part, Block whole, int axis) => axis == 0 ? part.Columns == whole.Columns : part.Columns > 1;

    void ComputeLifetimes()
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (Value output in nodes[i].Outputs)
            {
                Block root = blocks[output].Root;
                Extend(root, i, lastUse.GetValueOrDefault(output, i));
                root.HoldsActivation |= nodes[i].Phase == Phase.Forward;
            }

            foreach (Value input in nodes[i].Inputs) Extend(blocks[input].Root, i, i);
        }
    }

    static void Extend(Block root, int first, int last)
    {
        root.First = Math.Min(root.First, first);
        root.Last = Math.Max(root.Last, last);
    }
}
