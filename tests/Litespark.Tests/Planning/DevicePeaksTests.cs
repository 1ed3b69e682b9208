using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Planning;

/// <summary>Utilisation: the model's FLOPs over one peak, executed FLOPs over the peak of each call's precision.</summary>
public class DevicePeaksTests
{
    /// <summary>A GPU in name: 1,000 FLOP/s of bf16, 100 and then 50 of float32, or nothing known.</summary>
    sealed class Gpu(bool isKnown) : IDevice
    {
        int samples;

        public string Name => "cuda";

        public string HardwareName => "a GPU";

        public IReadOnlyList<(string Name, string Value)> Facts => [];

        public int Threads => 1;

        public DeviceProfile Profile { get; } = CudaProfile.Of(DataType.BFloat16);

        public ILoadedProgram Load(StepProgram program) => throw new NotSupportedException();

        public double SamplePeakFlops() => throw new NotSupportedException();

        public double? SamplePeakFlops(DataType precision) => !isKnown ? null : precision == DataType.BFloat16 ? 1000 : 100 / ++samples;

        public double SampleBandwidth() => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    static readonly PrecisionWork[] Work = [new(DataType.BFloat16, 500), new(DataType.Float32, 20)];

    [Fact]
    public void Each_call_counts_over_the_peak_of_its_precision()
    {
        var peaks = new DevicePeaks(new Gpu(isKnown: true));
        Assert.Null(peaks.Mfu(400, 1));
        peaks.Sample();
        peaks.Sample(); // smaller: the largest counts
        Assert.Equal(1000, peaks.Flops);
        Assert.Equal(0.4, peaks.Mfu(800, 2)!.Value, 1e-12);
        Assert.Equal((0.5 + 0.2) / 2, peaks.Hfu(Work, 2)!.Value, 1e-12);
        Assert.Equal(0.5, peaks.Hfu(Work.AsSpan(0, 1), 1)!.Value, 1e-12);
    }

    [Fact]
    public void Without_a_known_peak_there_is_no_utilisation()
    {
        var peaks = new DevicePeaks(new Gpu(isKnown: false));
        peaks.Sample();
        Assert.Equal((null, null, null), (peaks.Flops, peaks.Mfu(1, 1), peaks.Hfu(Work, 1)));
    }

    [Theory]
    [InlineData(DataType.BFloat16)]
    [InlineData(DataType.Float32)]
    public void Work_is_of_the_plans_precision_and_updates_are_float32(DataType precision)
    {
        StepProgram program = ProgramBuilder.Training(Transformer.Function(ToyModels.Spec("llama")), PlanOptions.Litespark, new OptimizerSettings(), 2, 8, device: CudaProfile.Of(precision));
        PrecisionWork work = Assert.Single(StepWork.ByPrecision(program, 3));
        Assert.Equal(new PrecisionWork(precision, StepWork.Flops(program, 3)), work);
        Assert.All(program.Plans[ProgramBuilder.Update].Calls, call => Assert.Equal(DataType.Float32, call.Precision));
    }

    [Fact]
    public void Peaks_of_gpus_are_known_by_name_only()
    {
        Assert.Equal(989e12, GpuPeaks.Find("NVIDIA H200", DataType.BFloat16));
        Assert.Equal(67e12, GpuPeaks.Find("NVIDIA H200", DataType.Float32));
        Assert.Null(GpuPeaks.Find("NVIDIA H200 MIG 1g.18gb", DataType.BFloat16));
        using var emulated = new CudaDevice(new EmulatedDriver(), new EmulatedCompiler(), DataType.BFloat16);
        Assert.Null(((IDevice)emulated).SamplePeakFlops(DataType.BFloat16));
    }
}
