using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>What binders ask about a call's operands.</summary>
internal static class CallOperands
{
    /// <summary>What is added to an output, or null.</summary>
    public static Operand? AddendOf(this KernelCall call, int output)
    {
        int index = call.Op.Addends.IndexOf(output);
        return index < 0 ? null : call.Inputs[call.Node.OperandCount + index];
    }

    /// <summary>1 where a kernel adds to what an output holds, else 0.</summary>
    public static int Accumulates(this KernelCall call, int output) => call.Op.Addends.IndexOf(output) < 0 ? 0 : 1;

    /// <summary>Element type.</summary>
    public static DataType Type(this Operand operand) => operand.Value.Type.DataType;

    /// <summary>The operand, whose element type another's decides.</summary>
    public static Operand OfType(this Operand operand, DataType type)
        => operand.Type() == type ? operand : throw new InvalidOperationException($"{operand.Value} is {operand.Type()}, should be {type}");

    /// <summary>Elements.</summary>
    public static long Count(this Operand operand) => (long)operand.Rows * operand.Columns;

    /// <summary>The operand, whose elements follow each other without gaps.</summary>
    public static Operand Contiguous(this Operand operand)
        => operand.IsContiguous ? operand : throw new InvalidOperationException($"{operand.Value} must be contiguous here");
}
