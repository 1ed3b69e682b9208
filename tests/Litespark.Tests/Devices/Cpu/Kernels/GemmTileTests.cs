using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public unsafe class GemmTileTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(37)]
    [InlineData(38)]
    public void Every_tile_of_every_width_multiplies_in_every_form(int k)
    {
        Check<GemmTile6<Vector128<float>, Register128>>(k, Vector128<float>.Count);
        Check<GemmTile6<Vector256<float>, Register256>>(k, Vector256<float>.Count);
        Check<GemmTile6<Vector512<float>, Register512>>(k, Vector512<float>.Count);
        Check<GemmTile12<Vector128<float>, Register128>>(k, Vector128<float>.Count);
        Check<GemmTile12<Vector256<float>, Register256>>(k, Vector256<float>.Count);
        Check<GemmTile12<Vector512<float>, Register512>>(k, Vector512<float>.Count);
        Check<GemmTile8<Vector128<float>, Register128>>(k, Vector128<float>.Count);
        Check<GemmTile8<Vector256<float>, Register256>>(k, Vector256<float>.Count);
        Check<GemmTile8<Vector512<float>, Register512>>(k, Vector512<float>.Count);
    }

    static void Check<TTile>(int k, int lanes) where TTile : struct, IGemmTile
    {
        int rows = TTile.Rows, columns = TTile.Columns;
        foreach (bool accumulate in new[] { false, true })
        {
            using var random = new RandomOperands(rows * 100 + columns + k);
            float* rowMajor = random.Floats(rows * (k + 3)), b = random.Floats(k * (columns + 5));
            float* columnMajor = random.Floats(k * (rows + 1));
            float* aPanel = random.Floats((int)GemmPack.PanelLength(rows, k)), bPanel = random.Floats((int)GemmPack.PanelLength(columns, k));
            GemmPack.Transposed(rowMajor, k + 3, rows, k, rows, aPanel);
            GemmPack.Contiguous(b, columns + 5, columns, k, columns, bPanel);
            for (int r = 0; r < rows; r++)
            {
                for (int i = 0; i < k; i++) columnMajor[i * (rows + 1) + r] = rowMajor[r * (k + 3) + i];
            }

            float* c = random.Floats(rows * (columns + 2)), start = random.Copy(c, rows * (columns + 2));
            TTile.Packed(k, aPanel, bPanel, c, columns + 2, accumulate, bPanel, step: 4);
            Verify(c, start);
            c = random.Copy(start, rows * (columns + 2));
            TTile.RowMajorA(k, rowMajor, k + 3, b, columns + 5, c, columns + 2, accumulate);
            Verify(c, start);
            c = random.Copy(start, rows * (columns + 2));
            TTile.ColumnMajorA(k, columnMajor, rows + 1, b, columns + 5, c, columns + 2, accumulate);
            Verify(c, start);
            for (int registers = 1; !accumulate && registers * lanes < columns; registers++)
            {
                c = random.Copy(start, rows * (columns + 2));
                TTile.FirstColumns(registers, k, rowMajor, k + 3, b, columns + 5, c, columns + 2);
                Verify(c, start, registers * lanes);
            }

            void Verify(float* actual, float* before, int written = int.MaxValue)
            {
                for (int r = 0; r < rows; r++)
                {
                    for (int j = 0; j < columns + 2; j++)
                    {
                        double expected = before[r * (columns + 2) + j];
                        if (j < Math.Min(columns, written))
                        {
                            if (!accumulate) expected = 0;
                            for (int i = 0; i < k; i++) expected += (double)rowMajor[r * (k + 3) + i] * b[i * (columns + 5) + j];
                        }
                        Assert.Equal(expected, actual[r * (columns + 2) + j], 1e-5 * k);
                    }
                }
            }
        }
    }
}
