namespace Litespark.Graphs;

/// <summary>Element type of a tensor.</summary>
public enum DataType
{
    /// <summary>32-bit float.</summary>
    Float32,

    /// <summary>Brain float: 8 bits of exponent, 7 of fraction.</summary>
    BFloat16,

    /// <summary>32-bit integer: token ids, positions.</summary>
    Int32,
}

/// <summary>Sizes of element types.</summary>
public static class DataTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this DataType type) => type == DataType.BFloat16 ? 2 : 4;
}

/// <summary>What a value is to the training step.</summary>
public enum ValueRole
{
    /// <summary>Filled by the host before the plan runs: tokens, targets, learning rate.</summary>
    Input,

    /// <summary>A weight.</summary>
    Parameter,

    /// <summary>Computed in the step, gone after it.</summary>
    Activation,

    /// <summary>Derivative of the loss by a parameter or an activation.</summary>
    Gradient,

    /// <summary>Kept from step to step: optimiser moments, key/value caches.</summary>
    State,

    /// <summary>Written once when the program is loaded: rotary tables.</summary>
    Constant,
}

/// <summary>The part of the training step that a kernel call belongs to.</summary>
public enum Phase
{
    /// <summary>Towards the loss.</summary>
    Forward,

    /// <summary>From the loss to the gradients, recomputation included.</summary>
    Backward,

    /// <summary>Clipping and the weight update.</summary>
    Optimizer,

    /// <summary>Between devices.</summary>
    Communication,
}

/// <summary>Non-linearities, by Hugging Face's <c>hidden_act</c> / <c>activation_function</c>.</summary>
public enum ActivationKind
{
    /// <summary>x · sigmoid(x).</summary>
    Silu,

    /// <summary>GELU by the error function.</summary>
    Gelu,

    /// <summary>GELU by the tanh approximation (<c>gelu_new</c>, <c>gelu_pytorch_tanh</c>).</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>Shape and element type of an op's output.</summary>
public readonly record struct TensorType(Shape Shape, DataType DataType = DataType.Float32)
{
    /// <summary>The same element type in another shape: what most ops make of their first operand.</summary>
    public TensorType Of(Shape shape) => new(shape, DataType);
}

/// <summary>What executing an op costs.</summary>
/// <param name="Flops">Floating-point operations executed; a multiply-add counts as two. Only matrix products count (the field's convention).</param>
/// <param name="Bytes">Memory traffic if every operand is read or written once.</param>
public readonly record struct Cost(double Flops, double Bytes);
