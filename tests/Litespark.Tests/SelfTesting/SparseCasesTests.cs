using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.SelfTesting;

/// <summary>The cases of block-sparse ops and of attention with patterns on an emulated GPU.</summary>
public sealed class SparseCasesTests
{
    [EmulatedTheory]
    [InlineData(DataType.BFloat16)]
    [InlineData(DataType.Float32)]
    public void An_emulated_gpu_passes(DataType precision)
    {
        using var cpu = new CpuDevice(1);
        using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), precision);
        OpCase[] cases = [.. OpCases.All(large: false).Where(test => test.Name.StartsWith("block_", StringComparison.Ordinal) || test.Name.Contains("_dead_blocks", StringComparison.Ordinal))];
        Assert.Equal(4 * 5 + 3 * 5, cases.Length);
        Pass(gpu, cpu, cases);
    }

    [EmulatedTheory]
    [InlineData(DataType.BFloat16, "patterns", 11)]
    [InlineData(DataType.Float32, "causal_mask of patterns", 3)] // the fused one is not for float32
    public void An_emulated_gpu_passes_with_patterns(DataType precision, string name, int count)
    {
        using var cpu = new CpuDevice(1);
        using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), precision);
        OpCase[] cases = [.. OpCases.All(large: false).Where(test => test.Name.Contains(name, StringComparison.Ordinal))];
        Assert.Equal(count, cases.Length);
        Pass(gpu, cpu, cases);
    }

    static void Pass(CudaDevice gpu, CpuDevice cpu, OpCase[] cases)
    {
        foreach (OpCase test in cases)
            foreach (OperandLayout layout in Enum.GetValues<OperandLayout>())
                foreach (TrialResult result in OpTrial.Run(gpu, cpu, test, layout, seed: 5))
                    Assert.True(result.Passed, $"{test.Name}, {layout}, {result.Result}: {result.Error:g3} of {result.Tolerance:g3}");
    }
}
