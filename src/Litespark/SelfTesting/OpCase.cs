using Litespark.Graphs;

namespace Litespark.SelfTesting;

/// <summary>How a case's operands lie in memory.</summary>
internal enum OperandLayout
{
    /// <summary>Each by itself, none taken over.</summary>
    Separate,

    /// <summary>Operands are results of other calls, so that the op may take over their memory where it says so.</summary>
    InPlace,

    /// <summary>Matrices are columns of wider ones: rows lie further apart than they are long.</summary>
    Views,
}

/// <summary>What an operand holds.</summary>
internal enum OperandContents
{
    /// <summary>Normally distributed numbers.</summary>
    Normal,

    /// <summary>Positive numbers around one: statistics, second moments.</summary>
    Positive,

    /// <summary>Integers from 0 below <see cref="OperandSpec.Limit"/>.</summary>
    Index,

    /// <summary>Integers from −1 (ignored) below <see cref="OperandSpec.Limit"/>.</summary>
    Target,

    /// <summary>First visible token of each token's document, in sequences of <see cref="OperandSpec.Limit"/> tokens.</summary>
    DocumentStart,

    /// <summary>First visible token of each token's document where every sequence is one: 0.</summary>
    WholeSequence,

    /// <summary>0, 1, 2 … in sequences of <see cref="OperandSpec.Limit"/> tokens.</summary>
    Position,

    /// <summary>Which blocks of <see cref="OperandSpec.Grid"/> are live, in the mode <see cref="OperandSpec.Limit"/> (<see cref="BlockTopology"/>).</summary>
    Topology,

    /// <summary>The patterns of some heads, <see cref="OperandSpec.Patterns"/> in turn, with <see cref="OperandSpec.Threshold"/> (<see cref="AttentionPatternBuffer"/>).</summary>
    Patterns,

    /// <summary>Queries or keys whose scores are far apart, in sequences of <see cref="OperandSpec.Limit"/> tokens (<see cref="WalshRows"/>).</summary>
    Walsh,
}

/// <summary>An operand of a case.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Contents">What it holds.</param>
/// <param name="Limit">For integers: see there.</param>
/// <param name="IsFloat32">Float32 whatever the device computes in: statistics, masters, scalars.</param>
/// <param name="Scale">Factor on normal and positive numbers.</param>
internal sealed record OperandSpec(Shape Shape, OperandContents Contents = OperandContents.Normal, int Limit = 0, bool IsFloat32 = false, float Scale = 1)
{
    /// <summary>A copy, in the device's element type, of what the op updates first: only where that is not float32.</summary>
    public bool IsRoundedCopy { get; init; }

    /// <summary>Blocks of a matrix, of which numbers are zero where they are dead: the same in all operands of a case.</summary>
    public BlockGrid? Grid { get; init; }

    /// <summary>Patterns of attention.</summary>
    public IReadOnlyList<AttentionPattern> Patterns { get; init; } = [];

    /// <summary>Weights below which attention may leave pairs out.</summary>
    public float Threshold { get; init; }

    /// <summary>Columns of a head.</summary>
    public int HeadDim { get; init; }

    /// <summary>Integers rather than floats.</summary>
    public bool IsInteger => Contents is not (OperandContents.Normal or OperandContents.Positive or OperandContents.Walsh);
}

/// <summary>One op on operands of given shapes, to be run on two devices and compared.</summary>
/// <param name="Name">For tables: the op and what is special.</param>
/// <param name="Op">The op for a device that computes in a given element type.</param>
/// <param name="Operands">Its operands, addends included.</param>
/// <param name="Tolerance">Largest relative error (of norms) where all is float32.</param>
internal sealed record OpCase(string Name, Func<DataType, Op> Op, IReadOnlyList<OperandSpec> Operands, double Tolerance = 2e-6)
{
    /// <summary>Blocks of the first result, of which the dead ones hold nothing that anybody reads; null where all of it counts.</summary>
    public BlockGrid? LiveResult { get; init; }

    /// <summary>A result that is each device's own, with what it must stay below: the share of work that is left. It is above 0.</summary>
    public (int Result, double Below)? OwnShare { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
