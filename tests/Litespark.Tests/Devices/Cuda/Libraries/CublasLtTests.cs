using System.Runtime.InteropServices;
using Litespark.Checkpoints;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Ops;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>The calls into cuBLASLt, against a library with the same interface that computes on the processor.</summary>
public sealed class CublasLtTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<bool, bool, bool, bool, string> Forms
    {
        get
        {
            var forms = new TheoryData<bool, bool, bool, bool, string>();
            foreach (bool transposeA in (bool[])[false, true])
                foreach (bool transposeB in (bool[])[false, true])
                    foreach ((bool bias, bool accumulates) in new[] { (false, false), (true, false), (false, true), (true, true) })
                        foreach (string types in (string[])["fp32 fp32", "bf16 fp32", "bf16 bf16"]) forms.Add(transposeA, transposeB, bias, accumulates, types);
            return forms;
        }
    }

    [StandInTheory]
    [MemberData(nameof(Forms))]
    public unsafe void Every_form_of_a_product_over_strided_rows(bool transposeA, bool transposeB, bool bias, bool accumulates, string types)
    {
        const int M = 7, N = 10, K = 5, Gap = 3;
        (DataType operands, DataType output) = (types.StartsWith("bf16", StringComparison.Ordinal) ? DataType.BFloat16 : DataType.Float32, types.EndsWith("bf16", StringComparison.Ordinal) ? DataType.BFloat16 : DataType.Float32);
        int strideA = (transposeA ? M : K) + Gap, strideB = (transposeB ? K : N) + 1, strideC = N + 2;
        var problem = new MatmulProblem(M, N, K, transposeA, transposeB, strideA, strideB, strideC, operands, output, bias, accumulates);
        float[] a = Values((int)problem.LengthA, operands, 1), b = Values((int)problem.LengthB, operands, 2), c = Values((int)problem.LengthC, output, 3), added = Values(N, output, 4);
        float[] expected = [.. c];
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++)
            {
                double sum = 0;
                for (int k = 0; k < K; k++) sum += (double)a[transposeA ? k * strideA + m : m * strideA + k] * b[transposeB ? n * strideB + k : k * strideB + n];
                expected[m * strideC + n] = TrialTensor.Round((float)(0.5f * sum + (accumulates ? c[m * strideC + n] : 0) + (bias ? added[n] : 0)), output);
            }

        nint library = Load("stand_in_cublaslt.c");
        using var driver = new EmulatedDriver();
        using (var context = new CublasLtContext(new LibCublasLt(library), driver, new MatmulChoices()))
        using (var stream = new CudaStream(driver))
        using (var workspace = new DeviceMemory(driver, CublasLtContext.WorkspaceBytes))
        using (DeviceMemory onA = Upload(driver, stream, a, operands), onB = Upload(driver, stream, b, operands), onC = Upload(driver, stream, c, output), onBias = Upload(driver, stream, added, output))
        {
            using CublasLtMatmul call = context.Bind(problem, workspace.Value, onA.Value, onB.Value, onC.Value, bias ? onBias.Value : 0, 0.5f)!;
            call.Enqueue(stream.Value);
            float[] result = Download(driver, stream, onC, c.Length, output);
            for (int i = 0; i < result.Length; i++) Assert.True(Math.Abs(result[i] - expected[i]) <= 1e-6 * Math.Abs(expected[i]), $"element {i}: {result[i]}, expected {expected[i]}"); // gaps between rows too
        }

        Assert.Equal(0, Number(library, "stand_in_lt_live"));
    }

    [StandInFact]
    public void The_fastest_algorithm_of_those_with_fixed_sums_is_chosen_once_and_kept()
    {
        nint library = Load("stand_in_cublaslt.c", "stand_in_cuda.c");
        string file = folder.File("cache", MatmulChoices.FileName);
        var problem = new MatmulProblem(8, 8, 8, false, false, 8, 8, 8, DataType.BFloat16, DataType.Float32, false, false);
        using var driver = new LibCudaDriver(new LibCuda(library));
        using var memory = new DeviceMemory(driver, 4096);
        byte[] exported = Tune(new MatmulChoices(file));
        Assert.Equal(1, Number(library, "stand_in_lt_searches"));
        string text = System.Text.Encoding.UTF8.GetString(exported);
        Assert.Contains("\"Stand-in GPU, cuBLASLt 130002: 8x8x8 nn strides 8 8 8 bf16 to fp32 aligned 16\"", text);
        Assert.Contains("\"algorithm\": \"1b1d7a75010000000100000000000000", text); // number 1 of the stand-in's
        Assert.Contains("\"milliseconds\": 0.5", text);
        Assert.Contains("\"candidates\": 3", text); // not the one that adds in place, is too large, unfit, or fails

        Assert.Equal(exported, File.ReadAllBytes(file));
        int runs = Number(library, "stand_in_lt_runs");
        Assert.Equal(exported, Tune(new MatmulChoices(file))); // from the file
        var resumed = new MatmulChoices();
        resumed.Import(exported);
        Assert.Equal(exported, Tune(resumed)); // with the run
        Assert.Equal((1, runs), (Number(library, "stand_in_lt_searches"), Number(library, "stand_in_lt_runs")));
        Tune(new MatmulChoices());
        Assert.Equal(2, Number(library, "stand_in_lt_searches"));
        Assert.Equal(0, Number(library, "stand_in_lt_live"));

        byte[] Tune(MatmulChoices choices)
        {
            using var context = new CublasLtContext(new LibCublasLt(library), driver, choices);
            using (CublasLtMatmul? call = context.Bind(problem, memory.Value, memory.Value, memory.Value + 1024, memory.Value + 2048)) Assert.NotNull(call);
            using (CublasLtMatmul? again = context.Bind(problem, memory.Value, memory.Value + 256, memory.Value, memory.Value + 2048)) Assert.NotNull(again);
            return choices.Export();
        }
    }

    [StandInFact]
    public void A_choice_that_the_library_no_longer_accepts_is_made_again()
    {
        nint library = Load("stand_in_cublaslt.c", "stand_in_cuda.c");
        using var driver = new LibCudaDriver(new LibCuda(library));
        using var memory = new DeviceMemory(driver, 4096);
        string file = folder.File(MatmulChoices.FileName);
        var problem = new MatmulProblem(8, 8, 8, false, false, 8, 8, 8, DataType.Float32, DataType.Float32, false, false);
        new MatmulChoices(file).Add($"Stand-in GPU, cuBLASLt 130002: {problem}", new TimedChoice<Algorithm>(default, 0.1f, 1));
        using var context = new CublasLtContext(new LibCublasLt(library), driver, new MatmulChoices(file));
        using CublasLtMatmul? call = context.Bind(problem, memory.Value, memory.Value, memory.Value + 1024, memory.Value + 2048);
        Assert.NotNull(call);
        Assert.Equal(1, Number(library, "stand_in_lt_searches"));
    }

    [StandInFact]
    public void What_the_library_does_not_do_is_left_to_other_kernels()
    {
        nint library = Load("stand_in_cublaslt.c");
        using var driver = new EmulatedDriver();
        using var context = new CublasLtContext(new LibCublasLt(library), driver, new MatmulChoices());
        using var memory = new DeviceMemory(driver, 4096);
        var problem = new MatmulProblem(8, 8, 8, false, false, 8, 8, 8, DataType.Float32, DataType.BFloat16, false, false);
        Assert.Null(context.Bind(problem, memory.Value, memory.Value, memory.Value, memory.Value)); // fp32 operands, bf16 result
        Assert.Null(context.Bind(problem with { Output = DataType.Float32, N = 13, StrideB = 13, StrideC = 13 }, memory.Value, memory.Value, memory.Value, memory.Value));
    }

    [Fact]
    public void Alignment_is_what_all_addresses_share()
    {
        Assert.Equal(16, MatmulProblem.AlignmentOf(4096, 256, 0));
        Assert.Equal(2, MatmulProblem.AlignmentOf(4096, 258, 8));
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(62)]
    public void Alignment_of_operands_far_up_in_large_arenas(int bit)
    {
        nint address = (nint)1 << bit;
        Assert.Equal(16, MatmulProblem.AlignmentOf(address));
        Assert.Equal(16, MatmulProblem.AlignmentOf(3 * address, 4096, 0));
        Assert.Equal(8, MatmulProblem.AlignmentOf(address, address + 8));
    }

    /// <summary>Operands at any multiple of 16 bytes are one problem, wherever an arena has them.</summary>
    [StandInFact]
    public void Operands_far_up_in_large_arenas_have_the_algorithms_of_others()
    {
        nint library = Load("stand_in_cublaslt.c", "stand_in_cuda.c");
        using var driver = new LibCudaDriver(new LibCuda(library));
        using var workspace = new DeviceMemory(driver, CublasLtContext.WorkspaceBytes);
        using var context = new CublasLtContext(new LibCublasLt(library), driver, new MatmulChoices());
        var problem = new MatmulProblem(8, 8, 8, false, false, 8, 8, 8, DataType.BFloat16, DataType.Float32, false, false);
        foreach (nint address in (nint[])[4096, (nint)1 << 31, (nint)1 << 32, (nint)1 << 33])
            using (CublasLtMatmul? call = context.Bind(problem, workspace.Value, address, 4096, 8192)) Assert.NotNull(call);
        Assert.Equal(1, Number(library, "stand_in_lt_searches"));
        Assert.Contains("aligned 16\"", System.Text.Encoding.UTF8.GetString(context.ExportChoices()), StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_choices_are_empty_in_a_file_and_an_error_in_a_run()
    {
        string file = folder.File(MatmulChoices.FileName);
        File.WriteAllText(file, "{ \"a\": { \"algorithm\": \"xyz\" } }");
        var choices = new MatmulChoices(file);
        Assert.Null(choices.Find("a"));
        Assert.Throws<InvalidDataException>(() => choices.Import(File.ReadAllBytes(file)));
        choices.Add("b", new TimedChoice<Algorithm>(default, 1, 2));
        Assert.Equal(new TimedChoice<Algorithm>(default, 1, 2).Milliseconds, new MatmulChoices(file).Find("b")!.Milliseconds);
    }

    nint Load(params string[] embedded)
    {
        string path = folder.File("stand-in.so");
        StandInLibrary.BuildFile(path, embedded);
        return NativeLibrary.Load(path);
    }

    static float[] Values(int count, DataType type, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => TrialTensor.Round((float)random.NextDouble() * 2 - 1, type))];
    }

    static unsafe DeviceMemory Upload(EmulatedDriver driver, CudaStream stream, float[] values, DataType type)
    {
        var memory = new DeviceMemory(driver, (long)values.Length * type.Size());
        using var host = new PinnedMemory(driver, memory.ByteLength);
        for (int i = 0; i < values.Length; i++)
            if (type == DataType.Float32) ((float*)host.Value)[i] = values[i];
            else ((ushort*)host.Value)[i] = TensorConversion.ToBFloat16(values[i]);
        driver.CopyToDevice(memory.Value, host.Value, memory.ByteLength, stream.Value);
        stream.Synchronize();
        return memory;
    }

    static unsafe float[] Download(EmulatedDriver driver, CudaStream stream, DeviceMemory memory, int count, DataType type)
    {
        using var host = new PinnedMemory(driver, memory.ByteLength);
        driver.CopyToHost(host.Value, memory.Value, memory.ByteLength, stream.Value);
        stream.Synchronize();
        return [.. Enumerable.Range(0, count).Select(i => type == DataType.Float32 ? ((float*)host.Value)[i] : BitConverter.UInt32BitsToSingle((uint)((ushort*)host.Value)[i] << 16))];
    }

    static unsafe int Number(nint library, string function) => ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, function))();
}
