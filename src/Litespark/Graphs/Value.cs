namespace Litespark.Graphs;

/// <summary>One tensor of the graph, assigned exactly once (SSA).</summary>
public sealed class Value
{
    internal Value(int id, string name, TensorType type, ValueRole role)
    {
        Id = id;
        Name = name;
        Type = type;
        Role = role;
    }

    /// <summary>Unique within its graph.</summary>
    public int Id { get; }

    /// <summary>Canonical name of a parameter or an input; a readable label otherwise.</summary>
    public string Name { get; }

    /// <summary>Shape and element type.</summary>
    public TensorType Type { get; }

    /// <summary>Static shape.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>Element type of its gradient: a parameter's is summed up over many tokens and steps, in float32.</summary>
    public DataType GradientType => Role == ValueRole.Parameter ? DataType.Float32 : Type.DataType;

    /// <summary>What it is to the step.</summary>
    public ValueRole Role { get; }

    /// <summary>For a parameter: whether training changes it (and so whether it gets a gradient and optimiser state).</summary>
    public bool IsTrainable { get; internal init; } = true;

    /// <summary>For a parameter that a pass has packed: the parameters stored one after the other along its rows; else empty.</summary>
    public IReadOnlyList<Value> Members { get; internal init; } = [];

    /// <summary>For a parameter: how its weights start.</summary>
    public Initializer Initializer { get; internal init; } = Initializer.Zero;

    /// <summary>For a constant: writes its contents, row-major.</summary>
    public Action<Span<float>>? Contents { get; internal init; }

    /// <summary>The node that computes it; null for inputs, parameters, state and constants.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Bytes of a contiguous copy.</summary>
    public long ByteLength => Shape.Length * Type.DataType.Size();

    /// <inheritdoc/>
    public override string ToString() => $"%{Id} {Name} {Shape}";
}

/// <summary>How a parameter starts: normally distributed with a standard deviation around a mean.</summary>
public readonly record struct Initializer(double Mean, double StandardDeviation)
{
    /// <summary>All zeros: biases.</summary>
    public static readonly Initializer Zero = new(0, 0);

    /// <summary>All ones: the weights of norms.</summary>
    public static readonly Initializer One = new(1, 0);

    /// <summary>Normal around zero.</summary>
    public static Initializer Normal(double standardDeviation) => new(0, standardDeviation);
}

/// <summary>One application of an op.</summary>
public sealed class Node
{
    internal Node(Op op, IReadOnlyList<Value> inputs, IReadOnlyList<Value> outputs, Phase phase, int layer)
    {
        Op = op;
        Inputs = inputs;
        Outputs = outputs;
        Phase = phase;
        Layer = layer;
        foreach (Value output in outputs) output.Producer = this;
    }

    /// <summary>What is computed.</summary>
    public Op Op { get; }

    /// <summary>Operands, then one addend for each entry of <see cref="Graphs.Op.Addends"/>.</summary>
    public IReadOnlyList<Value> Inputs { get; }

    /// <summary>Results.</summary>
    public IReadOnlyList<Value> Outputs { get; }

    /// <summary>Part of the step.</summary>
    public Phase Phase { get; }

    /// <summary>Transformer layer that it belongs to, or −1 outside the layers.</summary>
    public int Layer { get; }

    /// <summary>The only output of an op that has one.</summary>
    public Value Output => Outputs.Count == 1 ? Outputs[0] : throw new InvalidOperationException($"{Op.Name} has {Outputs.Count} outputs");

    /// <summary>Operands without the addends.</summary>
    public int OperandCount => Inputs.Count - Op.Addends.Count;

    /// <summary>The value that is added to an output (see <see cref="Graphs.Op.Addends"/>), or null.</summary>
    public Value? AddendOf(int output)
    {
        int index = Op.Addends.IndexOf(output);
        return index < 0 ? null : Inputs[OperandCount + index];
    }

    /// <inheritdoc/>
    public override string ToString() => $"{string.Join(", ", Outputs)} = {Op.Name}({string.Join(", ", Inputs.Select(i => "%" + i.Id))})";
}
