using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.SelfTesting;

/// <summary>The cases of block-sparse ops on an emulated GPU.</summary>
public sealed class SparseCasesTests
{
    [EmulatedTheory]
    [InlineData(DataType.BFloat16)]
    [InlineData(DataType.Float32)]
    public void An_emulated_gpu_passes(DataType precision)
    {
        using var cpu = new CpuDevice(1);
        using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), precision);
        OpCase[] cases = [.. OpCases.All(large: false).Where(test => test.Name.StartsWith("block_", StringComparison.Ordinal) || test.Name.StartsWith("zero_dead", StringComparison.Ordinal))];
        Assert.Equal(4 * 5 + 3 * 4, cases.Length);
        foreach (OpCase test in cases)
            foreach (OperandLayout layout in Enum.GetValues<OperandLayout>())
                foreach (TrialResult result in OpTrial.Run(gpu, cpu, test, layout, seed: 5))
                    Assert.True(result.Passed, $"{test.Name}, {layout}, {result.Result}: {result.Error:g3} of {result.Tolerance:g3}");
    }
}
