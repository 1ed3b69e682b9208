namespace Litespark.Graphs;

/// <summary>
/// An operation: a closed family of small records that hold its attributes. Each op states in one place its output shapes,
/// its gradient as further ops, its cost, and what may share memory.
/// </summary>
public abstract record Op
{
    /// <summary>Name in plans and tables.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Outputs to which an extra input is added: the k-th entry says which output the k-th addend (behind the operands)
    /// goes to. Set by the pass that folds additions into the op that made one of the summands.
    /// </summary>
    public AddendList Addends { get; init; } = AddendList.None;

    /// <summary>Output types for the given inputs.</summary>
    public abstract IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs);

    /// <summary>Emits the gradient: reads <see cref="GradientContext.Of"/> of the outputs, adds to the inputs' gradients.</summary>
    public virtual void Differentiate(Node node, GradientContext context)
        => throw new InvalidOperationException($"{Name} has no gradient");

    /// <summary>Whether the gradient of an output may be one scalar [1] that stands for every element: the output is only ever summed.</summary>
    public virtual bool TakesScalarGradient => false;

    /// <summary>FLOPs executed (memory traffic is read off the operands).</summary>
    public virtual double Flops(Node node) => 0;

    /// <summary>Whether an addend for this output can be folded into the op.</summary>
    public virtual bool CanAccumulate(int output) => false;

    /// <summary>Whether the output adds into its addend's memory (most kernels); else the addend is only read.</summary>
    public virtual bool AddendMustAlias(int output) => true;

    /// <summary>Input whose memory this output may take over when that input is not needed afterwards, or −1.</summary>
    public virtual int InPlaceInput(int output) => -1;

    /// <summary>Inputs that the op overwrites (state); they are bound to persistent memory.</summary>
    public virtual IReadOnlyList<int> MutatedInputs => [];

    /// <summary>
    /// Whether selective recomputation makes this output again rather than keep it: cheap next to a matrix product, and
    /// without need of something that would otherwise be gone.
    /// </summary>
    public virtual bool IsCheap(int output) => false;

    /// <summary>For an op that was fused with the addition before it: the output that holds the sum.</summary>
    public virtual int? SumOutput => null;

    /// <summary>How to make the outputs again: by default the op itself; a fused op whose sum is kept starts from that.</summary>
    public virtual (Op Op, IReadOnlyList<Value> Inputs) Recomputation(Node node, IReadOnlySet<Value> kept) => (this, node.Inputs);

    /// <summary>
    /// The op as smaller ops, or null where it is elementary. Emits into the builder and returns the outputs; an output that
    /// only the fused op's own gradient reads is null.
    /// </summary>
    public virtual IReadOnlyList<Value?>? Decompose(GraphBuilder builder, Node node) => null;

    /// <summary>A copy that adds one more input to <paramref name="output"/>.</summary>
    internal Op WithAddend(int output) => this with { Addends = Addends.Append(output) };
}

/// <summary>The outputs that have an addend, in the order of the addends among the inputs; compared by content.</summary>
public sealed class AddendList : IEquatable<AddendList>
{
    /// <summary>No addends.</summary>
    public static readonly AddendList None = new([]);

    readonly int[] outputs;

    AddendList(int[] outputs) => this.outputs = outputs;

    /// <summary>Number of addends.</summary>
    public int Count => outputs.Length;

    /// <summary>Output that the addend belongs to.</summary>
    public int this[int index] => outputs[index];

    /// <summary>Position of an output's addend among the addends, or −1.</summary>
    public int IndexOf(int output) => Array.IndexOf(outputs, output);

    internal AddendList Append(int output) => new([.. outputs, output]);

    /// <inheritdoc/>
    public bool Equals(AddendList? other) => other is not null && outputs.AsSpan().SequenceEqual(other.outputs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AddendList);

    /// <inheritdoc/>
    public override int GetHashCode() => outputs.Aggregate(17, HashCode.Combine);
}
