using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning.Passes;

namespace Litespark.Planning;

/// <summary>Which of a program's two arenas memory is in.</summary>
public enum ArenaKind
{
    /// <summary>Parameters, gradients, state, inputs, results: shared by all plans, kept from run to run.</summary>
    Persistent,

    /// <summary>Activations and scratch: shared by all plans, undefined between runs.</summary>
    Transient,
}

/// <summary>An operand of a kernel call: a matrix view into an arena.</summary>
/// <param name="Value">The graph's value.</param>
/// <param name="Arena">Where.</param>
/// <param name="Offset">Bytes from the arena's start.</param>
/// <param name="Rows">Rows of the matrix view.</param>
/// <param name="Columns">Columns of the matrix view.</param>
/// <param name="Stride">Elements from row to row.</param>
public sealed record Operand(Value Value, ArenaKind Arena, long Offset, int Rows, int Columns, int Stride)
{
    /// <summary>Bytes that the view's elements take.</summary>
    public long Bytes => (long)Rows * Columns * Value.Type.DataType.Size();

    /// <summary>No gaps between rows.</summary>
    public bool IsContiguous => Stride == Columns || Rows == 1;
}

/// <summary>One kernel call of a plan: an op bound to memory.</summary>
public sealed class KernelCall
{
    internal KernelCall(Node node, IReadOnlyList<Operand> inputs, IReadOnlyList<Operand> outputs)
    {
        Node = node;
        Inputs = inputs;
        Outputs = outputs;
        double bytes = inputs.Sum(operand => (double)operand.Bytes) + outputs.Sum(operand => (double)operand.Bytes);
        Cost = new Cost(node.Op.Flops(node), bytes + node.Op.MutatedInputs.Sum(index => (double)inputs[index].Bytes));
    }

    /// <summary>The graph's node.</summary>
    public Node Node { get; }

    /// <summary>What is computed.</summary>
    public Op Op => Node.Op;

    /// <summary>Part of the step.</summary>
    public Phase Phase => Node.Phase;

    /// <summary>Transformer layer, or −1.</summary>
    public int Layer => Node.Layer;

    /// <summary>Operands, then addends.</summary>
    public IReadOnlyList<Operand> Inputs { get; }

    /// <summary>Results.</summary>
    public IReadOnlyList<Operand> Outputs { get; }

    /// <summary>FLOPs executed and bytes moved.</summary>
    public Cost Cost { get; }

    /// <summary>Stored parameter over whose live blocks the call works; null for dense work.</summary>
    public string? SparseParameter => Op is BlockSparseOp op ? Inputs[op.TopologyInput].Value.Name[BlockSparsity.TopologyName("").Length..] : null;

    /// <summary>Element type that it computes in: that of its first operand that is no integer.</summary>
    public DataType Precision => Inputs.Concat(Outputs).Select(operand => operand.Value.Type.DataType).FirstOrDefault(type => type != DataType.Int32, DataType.Float32);

    /// <summary>Where the call runs; calls of one queue run in order.</summary>
    public int Queue { get; init; }

    /// <summary>Calls of other queues that must have finished first (indices into the plan).</summary>
    public IReadOnlyList<int> WaitsOn { get; init; } = [];
}

/// <summary>An ordered list of kernel calls over planned memory.</summary>
public sealed class StepPlan
{
    internal StepPlan(string name, IReadOnlyList<KernelCall> calls, long transientBytes, long activationBytes)
    {
        Name = name;
        Calls = calls;
        TransientBytes = transientBytes;
        ActivationBytes = activationBytes;
    }

    /// <summary>What the plan does: first micro-batch, update, …</summary>
    public string Name { get; }

    /// <summary>The calls in order.</summary>
    public IReadOnlyList<KernelCall> Calls { get; }

    /// <summary>Size that the transient arena needs for this plan.</summary>
    public long TransientBytes { get; }

    /// <summary>Bytes of activations that are alive when the backward pass begins.</summary>
    public long ActivationBytes { get; }

    /// <summary>FLOPs executed by one run.</summary>
    public double Flops => Calls.Sum(call => call.Cost.Flops);
}
