using Litespark.Checkpoints;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>A tensor of an op on trial: a matrix with its first contents, or none for a result.</summary>
/// <param name="shape">Shape.</param>
/// <param name="type">Element type on the GPU; float32 on the CPU.</param>
/// <param name="contents">Contents by index, or null for a result.</param>
/// <param name="gap">Elements between rows.</param>
/// <param name="shift">Elements by which it misses an aligned address.</param>
internal sealed unsafe class TrialTensor(Shape shape, DataType type, Func<int, double>? contents, int gap = 0, int shift = 0)
{
    /// <summary>What memory holds beside operands: as bf16, and twice as fp32, a signalling not-a-number, so that even adding to it changes it.</summary>
    public const ushort NoNumber = 0x7FA0;

    /// <summary>First contents as both devices get them: rounded to the element type.</summary>
    readonly float[]? values = contents is null ? null : [.. Enumerable.Range(0, (int)shape.Length).Select(i => Round((float)contents(i), type))];

    public Shape Shape => shape;

    public DataType Type => type;

    public int Stride => shape.Columns + gap;

    public int Shift => shift;

    /// <summary>What the CPU left.</summary>
    public double[] Expected { get; set; } = [];

    /// <summary>What the emulated GPU left.</summary>
    public double[] Actual { get; set; } = [];

    /// <summary>Nearest number of an element type, ties to even.</summary>
    public static float Round(float x, DataType type) => type != DataType.BFloat16 ? x : BitConverter.UInt32BitsToSingle((uint)TensorConversion.ToBFloat16(x) << 16);

    /// <summary>Every element within tolerance · (1 + |expected|); for bf16 results, of what the CPU has rounded to that.</summary>
    public void AssertClose(string what, double tolerance)
    {
        Assert.Equal(Expected.Length, Actual.Length);
        for (int i = 0; i < Expected.Length; i++)
        {
            bool close = Math.Abs(Expected[i] - Actual[i]) <= tolerance * (1 + Math.Abs(Expected[i]));
            if (!close) Assert.Fail($"{what} [{i / shape.Columns}, {i % shape.Columns}]: {Actual[i]}, should be {Expected[i]}");
        }
    }

    public void Write(byte* data, DataType stored)
    {
        if (values is null) return;
        for (int i = 0; i < values.Length; i++)
        {
            byte* element = Element(data, i, stored);
            if (stored == DataType.Int32) *(int*)element = (int)values[i];
            else if (stored == DataType.Float32) *(float*)element = values[i];
            else *(ushort*)element = (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        }
    }

    public double[] Read(byte* data, DataType stored)
    {
        double[] read = new double[shape.Length];
        for (int i = 0; i < read.Length; i++)
        {
            byte* element = Element(data, i, stored);
            read[i] = stored == DataType.Int32 ? *(int*)element
                : stored == DataType.Float32 ? *(float*)element
                : BitConverter.UInt32BitsToSingle((uint)*(ushort*)element << 16);
        }

        return read;
    }

    /// <summary>Puts back what was there before the tensor.</summary>
    public void Blank(byte* data, DataType stored)
    {
        for (int i = 0; i < shape.Length; i++)
        {
            for (int half = 0; half < stored.Size() / sizeof(ushort); half++) ((ushort*)Element(data, i, stored))[half] = NoNumber;
        }
    }

    byte* Element(byte* data, int index, DataType stored) => data + ((long)(index / shape.Columns) * Stride + index % shape.Columns) * stored.Size();
}
