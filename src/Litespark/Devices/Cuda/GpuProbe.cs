using Litespark.Devices.Cuda.Driver;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>What a GPU can do at best.</summary>
internal sealed class GpuProbe(IDevice device, ICudaDriver driver)
{
    const int ProductSize = 8192;
    const long CopyBytes = 1L << 30;
    const int CopyRuns = 4;

    double measured;

    /// <summary>FLOP/s of the plans' precision: the known peak, or the best of all samples of a large product.</summary>
    public double PeakFlops() => GpuPeaks.Find(driver.Properties.Name, device.Profile.Precision) ?? (measured = Math.Max(measured, SampleProduct()));

    /// <summary>Bytes/s, read plus written, of a copy on the GPU.</summary>
    public double Bandwidth()
    {
        long bytes = Math.Min(CopyBytes, driver.FreeMemory() / 4);
        using var source = new DeviceMemory(driver, bytes);
        using var destination = new DeviceMemory(driver, bytes);
        using var stream = new CudaStream(driver);
        using CudaEvent start = new(driver), end = new(driver);
        driver.Copy(destination.Value, source.Value, bytes, stream.Value);
        driver.Record(start.Value, stream.Value);
        for (int i = 0; i < CopyRuns; i++) driver.Copy(destination.Value, source.Value, bytes, stream.Value);
        driver.Record(end.Value, stream.Value);
        stream.Synchronize();
        return 2.0 * bytes * CopyRuns / (driver.Milliseconds(start.Value, end.Value) / 1e3);
    }

    double SampleProduct()
    {
        var builder = new GraphBuilder();
        var shape = new Shape(ProductSize, ProductSize);
        Value a = builder.State("a", shape, device.Profile.Precision), b = builder.State("b", shape, device.Profile.Precision);
        builder.Graph.AddOutput("c", builder.MatMul(a, b, transposeB: true));
        StepProgram program = ProgramBuilder.Single("product", builder.Graph, device.Profile);
        using ILoadedProgram loaded = device.Load(program);
        StepPlan plan = program.Plans["product"];
        var seconds = new double[plan.Calls.Count];
        for (int i = 0; i < 3; i++) loaded.Run(plan, seconds);
        return plan.Flops / seconds.Sum();
    }
}
