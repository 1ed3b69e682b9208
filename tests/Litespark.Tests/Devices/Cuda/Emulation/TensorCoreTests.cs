using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>Emulated matrix loads, products and asynchronous copies: right where used right, and what is wrong is found.</summary>
public unsafe class TensorCoreTests
{
    const int Rows = 16, Depth = 16, Columns = 8, Pitch = 24;

    /// <summary>d[16, 8] = a[16, 16] · b, with b [16, 8] or its transpose [8, 16], through asynchronous copies and matrix loads.</summary>
    const string Product = """
        SHARED_MEMORY(bf16, memory);
        bf16 *at = memory, *bt = memory + 16 * 24;
        int lane = lane_index();
        copy_async(at + lane / 2 * 24 + lane % 2 * 8, a + lane / 2 * 16 + lane % 2 * 8, 16);
        commit_copies();
        if (lane < 16) copy_async(TRANSPOSED ? bt + lane * 24 : bt + lane / 2 * 24 + lane % 2 * 8, b + lane * 8, 16);
        commit_copies();
        wait_copies<0>();
        __syncwarp();
        unsigned fa[4], fb[4];
        float d[4] = {0, 0, 0, 0};
        load_matrices(fa, at + lane % 16 * 24 + lane / 16 * 8);
        if (TRANSPOSED) load_matrices_transposed(fb, bt + lane % 16 * 24);
        else load_matrices(fb, bt + lane % 8 * 24 + lane / 8 % 2 * 8);
        multiply_add(d, fa, fb[0], fb[1]);
        for (int i = 0; i < 4; i++) y[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = d[i];
        """;

    [EmulatedTheory]
    [InlineData(false, 0u)]
    [InlineData(true, 1u)]
    [InlineData(true, 2u)]
    public void Product_of_loaded_matrices(bool transposed, uint seed)
    {
        (float[] a, float[] b, float[] y) = Run(Product, transposed, seed);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                double sum = 0;
                for (int k = 0; k < Depth; k++) sum += (double)a[i * Depth + k] * (transposed ? b[k * Columns + j] : b[j * Depth + k]);
                Assert.Equal(sum, y[i * Columns + j], 1e-3);
            }
        }
    }

    [EmulatedTheory]
    [InlineData("wait_copies<0>();", "")]
    [InlineData("wait_copies<0>();", "wait_copies<1>();")]
    [InlineData("multiply_add(d, fa, fb[0], fb[1]);", "multiply_add(d, fa, fb[1], fb[0]);")]
    [InlineData("lane % 16 * 24 + lane / 16 * 8", "lane / 2 * 24 + lane % 2 * 8")]
    public void Planted_bug_spoils_the_result(string text, string wrong)
    {
        (_, _, float[] expected) = Run(Product, transposed: true, seed: 1);
        Assert.Contains(Enumerable.Range(0, 12), seed => !Run(Plant(Product, text, wrong), transposed: true, (uint)seed).Y.SequenceEqual(expected));
    }

    [EmulatedTheory]
    [InlineData("multiply_add(d,", "if (lane > 0) multiply_add(d,", "deadlock")]
    [InlineData("load_matrices(fa, at", "load_matrices(fa, 1 + at", "is not a multiple of 16")]
    [InlineData("load_matrices(fa, at +", "load_matrices(fa, a +", "is not in shared memory")]
    [InlineData("load_matrices(fa, at +", "load_matrices(fa, 4096 + at +", "outside of all allocated memory")]
    [InlineData("if (lane < 16) copy_async(", "copy_async(", "outside of all allocated memory")]
    [InlineData("b + lane * 8, 16", "b + lane * 8 + 1, 14", "is not a multiple of 16")]
    [InlineData("b + lane * 8, 16", "b + lane * 8, 18", "18 bytes")]
    public void Planted_bug_is_reported(string text, string wrong, string expected)
    {
        CudaException error = Assert.Throws<CudaException>(() => Run(Plant(Product, text, wrong), transposed: true, seed: 1));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    static string Plant(string body, string text, string wrong)
    {
        Assert.Contains(text, body, StringComparison.Ordinal);
        return body.Replace(text, wrong, StringComparison.Ordinal);
    }

    static (float[] A, float[] B, float[] Y) Run(string body, bool transposed, uint seed)
    {
        const int Length = Rows * Depth + Depth * Columns;
        string text = $"#include \"device.cuh\"\n#include \"tensor_core.cuh\"\nextern \"C\" __global__ void trial(const bf16* a, const bf16* b, float* y)\n{{\n{body}\n}}\nKERNEL(trial)\n";
        using var driver = new EmulatedDriver(seed);
        using var kernels = new KernelLibrary(driver, new EmulatedCompiler(new Dictionary<string, string> { ["trial.cu"] = text }));
        using DeviceMemory a = new(driver, Rows * Depth * sizeof(ushort)), b = new(driver, Depth * Columns * sizeof(ushort)), y = new(driver, Rows * Columns * sizeof(float));
        using var host = new PinnedMemory(driver, Length * sizeof(ushort));
        using var result = new PinnedMemory(driver, y.ByteLength);
        using var stream = new CudaStream(driver);
        var random = new Random(7);
        var values = new float[Length];
        for (int i = 0; i < Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(random.NextSingle() * 2 - 1) & 0xFFFF0000;
            values[i] = BitConverter.UInt32BitsToSingle(bits);
            ((ushort*)host.Value)[i] = (ushort)(bits >> 16);
        }

        driver.CopyToDevice(a.Value, host.Value, a.ByteLength, stream.Value);
        driver.CopyToDevice(b.Value, host.Value + (nint)a.ByteLength, b.ByteLength, stream.Value);
        var variant = new KernelVariant("trial", $"TRANSPOSED={(transposed ? 1 : 0)}");
        using var call = new KernelLaunch(driver, kernels.Function(variant, "trial"), new LaunchShape(1, 32, (Rows + Depth) * Pitch * sizeof(ushort)), a.Value, b.Value, y.Value);
        call.Enqueue(stream.Value);
        driver.CopyToHost(result.Value, y.Value, y.ByteLength, stream.Value);
        stream.Synchronize();
        return (values[..(Rows * Depth)], values[(Rows * Depth)..], new ReadOnlySpan<float>((void*)result.Value, Rows * Columns).ToArray());
    }
}
