using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>How many elements a kernel's threads move at once (its macro VECTOR): what 16 bytes hold if alignment allows, else one.</summary>
internal static class Packs
{
    const int AccessBytes = 16;

    /// <summary>Elements in 16 bytes.</summary>
    public static int Width(DataType type) => AccessBytes / type.Size();

    /// <summary>
    /// Packs of <paramref name="width"/> elements if each row of every operand, taken as pieces of <paramref name="columns"/> elements, is made of
    /// whole aligned packs; else of one. Vectors (one column) count as one row.
    /// </summary>
    public static int Whole(CudaBinding binding, int width, int columns, params ReadOnlySpan<Operand?> operands)
    {
        if (columns % width != 0) return 1;
        foreach (Operand? operand in operands)
        {
            if (operand is null) continue;
            bool oneRow = operand.Rows == 1 || operand.Columns == 1;
            if (Misalignment(binding, operand, width) != 0 || (!oneRow && operand.Stride % width != 0)) return 1;
        }

        return width;
    }

    /// <summary>Packs of <paramref name="width"/> elements if all operands' rows start at the same place of a pack, so that they can be cut alike; else of one.</summary>
    public static int Alike(CudaBinding binding, int width, params ReadOnlySpan<Operand?> operands)
    {
        Operand first = operands[0]!;
        foreach (Operand? operand in operands)
        {
            if (operand is null) continue;
            bool sameStride = (operand.Stride - first.Stride) % width == 0 || operand.Rows == 1 || operand.Columns == 1;
            if (Misalignment(binding, operand, width) != Misalignment(binding, first, width) || !sameStride) return 1;
        }

        return width;
    }

    /// <summary>Elements from the last border of a pack to the operand's first.</summary>
    static long Misalignment(CudaBinding binding, Operand operand, int width) => binding.Address(operand) / operand.Type().Size() % width;
}
