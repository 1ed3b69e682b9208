using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>
/// A matrix in native memory whose surroundings (before, behind, and between the rows) hold a marked NaN: a kernel that reads
/// them spoils its result, one that writes them is found out.
/// </summary>
internal sealed unsafe class Operand : IDisposable
{
    const int Margin = 32;
    const uint Guard = 0x7FC0BEEF;

    readonly NativeBuffer buffer;
    readonly float[] initial;

    public Operand(int rows, int columns, int gap, Func<int, int, float> value)
    {
        int stride = columns + gap, length = 2 * Margin + rows * stride;
        buffer = new((long)length * sizeof(float));
        new Span<uint>(buffer.Pointer, length).Fill(Guard);
        Matrix = new(buffer.Floats + Margin, rows, columns, stride);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) Matrix.Row(r)[c] = value(r, c);
        initial = All.ToArray();
    }

    public Matrix Matrix { get; }

    public float* Data => Matrix.Data;

    /// <summary>The elements as integers, for kernels that read tokens or positions.</summary>
    public int* Integers => (int*)Matrix.Data;

    public ReadOnlySpan<float> All => new(buffer.Pointer, (int)(buffer.ByteLength / sizeof(float)));

    /// <summary>The matrix without its gaps.</summary>
    public double[] Values
    {
        get
        {
            double[] values = new double[Matrix.Rows * Matrix.Columns];
            for (int i = 0; i < values.Length; i++) values[i] = Matrix.Row(i / Matrix.Columns)[i % Matrix.Columns];
            return values;
        }
    }

    /// <summary>Back to the first contents.</summary>
    public void Restore() => initial.CopyTo(new Span<float>(buffer.Pointer, initial.Length));

    public void AssertGuards()
    {
        for (int i = 0; i < initial.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(initial[i]) == Guard && BitConverter.SingleToUInt32Bits(All[i]) != Guard)
                Assert.Fail($"element {i - Margin} beside the matrix was overwritten");
        }
    }

    public void Dispose() => buffer.Dispose();
}
