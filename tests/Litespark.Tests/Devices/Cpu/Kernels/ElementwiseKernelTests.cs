using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class ElementwiseKernelTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 37)]
    [InlineData(130, 64)]
    [InlineData(2, 17_003)]
    public void Sums_products_multiples_copies_and_fills(int rows, int columns)
    {
        using var trial = new KernelTrial();
        Operand a = trial.Random(rows, columns, gap: 3), b = trial.Random(rows, columns, gap: 1), y = trial.Zeros(rows, columns, gap: 5);
        double[] x = a.Values, z = b.Values, zeros = y.Values;
        foreach (Operand output in new[] { y, a, b })
        {
            trial.Run(
                pool => new BinaryKernel(pool, BinaryKind.Add, a.Matrix, b.Matrix, output.Matrix),
                () => Reference.AssertClose(Reference.Add(x, z), output.Values, 1e-7));
            trial.Run(
                pool => new BinaryKernel(pool, BinaryKind.Multiply, a.Matrix, b.Matrix, output.Matrix),
                () => Reference.AssertClose([.. x.Zip(z, (v, w) => v * w)], output.Values, 1e-7));
        }

        foreach (Operand output in new[] { y, a })
        {
            trial.Run(
                pool => new ScaleKernel(pool, a.Matrix, 0.75f, output.Matrix),
                () => Reference.AssertClose([.. x.Select(v => 0.75 * v)], output.Values, 1e-7));
        }

        trial.Run(pool => new CopyKernel(pool, a.Matrix, y.Matrix), () => Assert.Equal(x, y.Values));
        trial.Run(pool => new FillKernel(pool, 2.5f, y.Matrix), () => Assert.Equal([.. zeros.Select(_ => 2.5)], y.Values));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zeros_go_where_they_belong_and_nowhere_else(bool streams)
    {
        float[] floats = new float[600];
        foreach (int start in new[] { 0, 1, 5, 8 })
        {
            foreach (int count in new[] { 0, 1, 7, 8, 16, 333, 592 })
            {
                Array.Fill(floats, 1);
                fixed (float* p = floats) Elementwise.Clear(p + start, count, streams);
                for (int i = 0; i < floats.Length; i++) Assert.Equal(i >= start && i < start + count ? 0 : 1, floats[i]);
            }
        }
    }
}
