using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public unsafe class GemmPackTests
{
    [Theory]
    [InlineData(6, 17, 29)]
    [InlineData(6, 6, 8)]
    [InlineData(12, 31, 19)]
    [InlineData(8, 15, 9)]
    [InlineData(16, 37, 23)]
    [InlineData(32, 70, 3)]
    [InlineData(32, 1, 1)]
    [InlineData(12, 31, 43)] // two blocks of sixteen, one of eight, and three
    [InlineData(32, 70, 64)]
    [InlineData(8, 15, 24)]
    [InlineData(4, 7, 35)]
    [InlineData(32, 37, 1022)] // rows a page apart
    [InlineData(48, 101, 33)]
    public void Both_sources_give_the_same_panels_with_zeros_at_the_edge(int width, int lines, int k)
    {
        using var random = new RandomOperands(width + lines + k);
        const float Guard = 12345;
        int strideC = lines + 3, strideT = k + 2, panels = GemmPack.PanelCount(width, lines);
        nint length = GemmPack.PanelLength(width, k);
        float* contiguous = random.Floats(k * strideC), transposed = random.Floats(lines * strideT);
        for (int l = 0; l < lines; l++)
        {
            for (int i = 0; i < k; i++) transposed[l * strideT + i] = contiguous[i * strideC + l];
        }
        float* p = random.Zeros(panels * length + 1), q = random.Zeros(panels * length + 1);
        for (nint i = 0; i <= panels * length; i++) p[i] = q[i] = Guard;
        GemmPack.Contiguous(contiguous, strideC, lines, k, width, p, 0.5f);
        GemmPack.Transposed(transposed, strideT, lines, k, width, q, 0.5f);
        for (int panel = 0; panel < panels; panel++)
        {
            for (int i = 0; i < k; i++)
            {
                for (int w = 0; w < width; w++)
                {
                    int l = panel * width + w;
                    float expected = l < lines ? contiguous[i * strideC + l] * 0.5f : 0;
                    Assert.Equal(expected, p[panel * length + i * width + w]);
                    Assert.Equal(expected, q[panel * length + i * width + w]);
                }
            }
        }
        Assert.Equal(Guard, p[panels * length]);
        Assert.Equal(Guard, q[panels * length]);
    }
}
