namespace Litespark.Devices.Cpu;

/// <summary>
/// A row-major matrix operand of a kernel: element (r, c) is at <c>Data[r * Stride + c]</c>.
/// Views into wider matrices (one of the fused Q/K/V, one of gate/up) differ only in <see cref="Stride"/>.
/// </summary>
internal readonly unsafe struct Matrix(float* data, int rows, int columns, int stride)
{
    public readonly float* Data = data;
    public readonly int Rows = rows;
    public readonly int Columns = columns;

    /// <summary>Elements from one row to the next; at least <see cref="Columns"/>.</summary>
    public readonly int Stride = stride;

    public Matrix(float* data, int rows, int columns) : this(data, rows, columns, columns) { }

    /// <summary>First element of a row.</summary>
    public float* Row(int row) => Data + (nint)row * Stride;

    /// <summary>The operands of an element-wise kernel, as one row each where all are contiguous: a vector is a matrix of one column,
    /// and a loop over its rows would take its elements one by one.</summary>
    public static Matrix[] Flatten(params Matrix[] operands)
    {
        bool flat = Array.TrueForAll(operands, x => x.Stride == x.Columns && (long)x.Rows * x.Columns <= int.MaxValue);
        return flat ? Array.ConvertAll(operands, x => new Matrix(x.Data, 1, x.Rows * x.Columns)) : operands;
    }
}
