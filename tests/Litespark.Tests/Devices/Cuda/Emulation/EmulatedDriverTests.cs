using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>The emulated driver keeps a stream's order and nothing more, and refuses what a GPU would go wrong with.</summary>
public sealed unsafe class EmulatedDriverTests : IDisposable
{
    const int Count = 64, Bytes = Count * sizeof(float);
    const string Text = "#include \"device.cuh\"\nextern \"C\" __global__ void increase(float* x, float step, int count)\n{\n    if ((int)threadIdx.x < count) x[threadIdx.x] += step;\n}\nKERNEL(increase)\n";

    readonly EmulatedDriver driver = new();
    readonly DeviceMemory device;
    readonly PinnedMemory host;
    readonly CudaStream stream;

    public EmulatedDriverTests() => (device, host, stream) = (new DeviceMemory(driver, Bytes), new PinnedMemory(driver, Bytes), new CudaStream(driver));

    public void Dispose()
    {
        stream.Dispose();
        host.Dispose();
        device.Dispose();
        driver.Dispose();
    }

    Span<float> Host => new((void*)host.Value, Count);

    [Fact]
    public void Memory_starts_as_not_a_number()
    {
        Download();
        stream.Synchronize();
        Assert.All(Host.ToArray(), value => Assert.True(float.IsNaN(value)));
    }

    [Fact]
    public void Work_runs_when_someone_waits_and_reads_the_source_then()
    {
        Host.Fill(1);
        driver.CopyToDevice(device.Value, host.Value, Bytes, stream.Value);
        Host.Fill(2); // too early: a GPU may not have copied yet
        stream.Synchronize();
        Host.Clear();
        Download();
        Assert.Equal(0, Host[0]); // nor is the result there before one waits
        stream.Synchronize();
        Assert.Equal(2, Host[0]);
    }

    [EmulatedFact]
    public void Captured_work_runs_when_the_recording_is_launched_and_as_often()
    {
        using var kernels = Kernels();
        using KernelLaunch raise = Raise(kernels, 1.5f, Count);
        driver.Clear(device.Value, Bytes, stream.Value);
        driver.BeginCapture(stream.Value);
        raise.Enqueue(stream.Value);
        Assert.Throws<CudaException>(() => stream.Synchronize());
        Assert.Throws<CudaException>(() => driver.Allocate(1));
        using var graph = new CudaGraph(driver, driver.EndCapture(stream.Value));
        for (int i = 0; i < 3; i++) driver.LaunchGraph(graph.Value, stream.Value);
        Download();
        stream.Synchronize();
        Assert.All(Host.ToArray(), value => Assert.Equal(4.5f, value));
        Assert.Equal(3, driver.KernelCount);
    }

    [EmulatedFact]
    public void A_capture_takes_in_streams_that_wait_for_it_and_wants_them_back()
    {
        using var kernels = Kernels();
        using KernelLaunch raise = Raise(kernels, 1, Count);
        using var side = new CudaStream(driver);
        using CudaEvent fork = new(driver), join = new(driver);
        driver.Clear(device.Value, Bytes, stream.Value);
        driver.BeginCapture(stream.Value);
        driver.Record(fork.Value, stream.Value);
        driver.Wait(side.Value, fork.Value);
        raise.Enqueue(side.Value);
        driver.Record(join.Value, side.Value);
        driver.Wait(stream.Value, join.Value);
        raise.Enqueue(stream.Value);
        using (var graph = new CudaGraph(driver, driver.EndCapture(stream.Value)))
        {
            driver.LaunchGraph(graph.Value, stream.Value);
            Download();
            stream.Synchronize();
            Assert.Equal(2, Host[Count - 1]);
        }

        driver.BeginCapture(stream.Value);
        driver.Record(fork.Value, stream.Value);
        driver.Wait(side.Value, fork.Value);
        Assert.Contains("not waited for", Assert.Throws<CudaException>(() => driver.EndCapture(stream.Value)).Message);
    }

    [Fact]
    public void Streams_only_wait_for_each_other_by_events()
    {
        using var other = new CudaStream(driver);
        using CudaEvent first = new(driver), last = new(driver);
        driver.Record(first.Value, stream.Value);
        driver.Clear(device.Value, Bytes, stream.Value);
        driver.Record(last.Value, stream.Value);
        driver.Wait(other.Value, last.Value);
        driver.CopyToHost(host.Value, device.Value, Bytes, other.Value);
        Assert.Throws<CudaException>(() => driver.Milliseconds(first.Value, last.Value));
        other.Synchronize();
        Assert.Equal(0, Host[0]);
        Assert.True(driver.Milliseconds(first.Value, last.Value) >= 0);
    }

    [EmulatedFact]
    public void Wrong_launches_are_refused()
    {
        using var kernels = Kernels();
        nint function = kernels.Function(new KernelVariant("trial"), "increase");
        void Launch(LaunchShape shape, params ReadOnlySpan<KernelArgument> arguments)
        {
            using var launch = new KernelLaunch(driver, function, shape, arguments);
            launch.Enqueue(stream.Value);
            stream.Synchronize();
        }

        Assert.Contains("cannot launch", Assert.Throws<CudaException>(() => Launch(new LaunchShape(1, 2048), device.Value, 1f, Count)).Message);
        Assert.Contains("cannot launch", Assert.Throws<CudaException>(() => Launch(new LaunchShape(0, 32), device.Value, 1f, Count)).Message);
        Assert.Contains("argument 2 of 3 is missing", Assert.Throws<CudaException>(() => Launch(new LaunchShape(1, 64), device.Value, 1f)).Message);
        Assert.Contains("argument 0 is the address", Assert.Throws<CudaException>(() => Launch(new LaunchShape(1, 64), 1f, device.Value, Count)).Message);
        Assert.Contains("at most", Assert.Throws<CudaException>(() => Launch(new LaunchShape(1, 64, 1 << 20), device.Value, 1f, Count)).Message);
        Assert.Contains("allowed are", Assert.Throws<CudaException>(() => driver.Launch(function, new LaunchShape(1, 64, 100_000), stream.Value, null)).Message);
        Assert.Contains("no kernel is called", Assert.Throws<CudaException>(() => kernels.Function(new KernelVariant("trial"), "lower")).Message);
    }

    [EmulatedFact]
    public void Freed_memory_and_writes_outside_are_seen()
    {
        using var kernels = Kernels();
        nint freed = driver.Allocate(Bytes);
        driver.Free(freed);
        using (KernelLaunch raise = new(driver, kernels.Function(new KernelVariant("trial"), "increase"), new LaunchShape(1, Count), freed, 1f, Count))
        {
            raise.Enqueue(stream.Value);
            Assert.Contains("in no allocated memory", Assert.Throws<CudaException>(stream.Synchronize).Message);
        }

        driver.Free(freed);
        Assert.Contains("freed twice", Assert.Throws<CudaException>(stream.Synchronize).Message);
        using (var small = new DeviceMemory(driver, Bytes / 2))
        using (KernelLaunch raise = new(driver, kernels.Function(new KernelVariant("trial"), "increase"), new LaunchShape(1, Count), small.Value, 1f, Count))
        {
            driver.Clear(small.Value, Bytes / 2, stream.Value);
            raise.Enqueue(stream.Value);
            Assert.Contains("behind an allocation of 128 bytes", Assert.Throws<CudaException>(stream.Synchronize).Message);
        }

        Assert.Throws<CudaException>(stream.Synchronize); // the release has seen it too
    }

    [Fact]
    public void Copies_beyond_an_allocation_or_from_ordinary_memory_are_refused()
    {
        float ordinary = 0;
        nint address = (nint)(&ordinary);
        Assert.Contains("pinned", Assert.Throws<CudaException>(() => driver.CopyToDevice(device.Value, address, 4, stream.Value)).Message);
        Assert.Throws<CudaException>(() => driver.CopyToHost(host.Value, device.Value, Bytes + 1, stream.Value));
        Assert.Throws<CudaException>(() => driver.Clear(device.Value + 4, Bytes, stream.Value));
        Assert.Contains("overlap", Assert.Throws<CudaException>(() => driver.Copy(device.Value, device.Value + 4, 8, stream.Value)).Message);
        Assert.Throws<CudaException>(() => driver.Synchronize(12345));
    }

    void Download() => driver.CopyToHost(host.Value, device.Value, Bytes, stream.Value);

    KernelLibrary Kernels() => new(driver, new EmulatedCompiler(new Dictionary<string, string> { ["trial.cu"] = Text }));

    KernelLaunch Raise(KernelLibrary kernels, float step, int count)
        => new(driver, kernels.Function(new KernelVariant("trial"), "increase"), new LaunchShape(1, Count), device.Value, step, count);
}
