using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Operands with reproducible random contents.</summary>
internal sealed class TrialOperands(int seed = 1)
{
    readonly Random random = new(seed);

    /// <summary>Numbers between −scale and scale.</summary>
    public TrialTensor Numbers(Shape shape, DataType type, int gap = 0, int shift = 0, double scale = 1)
        => new(shape, type, _ => scale * (2 * random.NextDouble() - 1), gap, shift);

    /// <summary>Integers from 0 below a limit.</summary>
    public TrialTensor Integers(int length, int limit) => new(new Shape(length), DataType.Int32, _ => random.Next(limit));

    /// <summary>A result.</summary>
    public static TrialTensor Result(Shape shape, DataType type, int gap = 0, int shift = 0) => new(shape, type, contents: null, gap, shift);

    /// <summary>Half a unit in bf16's last place (2⁻⁸ of the number), or what fp32 sums may differ by.</summary>
    public static double Tolerance(DataType type, double exact = 2e-6) => type == DataType.BFloat16 ? 1.0 / 256 + exact : exact;
}
