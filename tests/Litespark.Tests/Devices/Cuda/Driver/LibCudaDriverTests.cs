using System.Runtime.InteropServices;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Driver;

/// <summary>The calls into libcuda, against a library with the same interface on host memory.</summary>
public sealed class LibCudaDriverTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [StandInFact]
    public void Memory_streams_launches_and_graphs_reach_the_library_and_are_given_back()
    {
        nint library = Load();
        using (var driver = new LibCudaDriver(new LibCuda(library)))
        {
            Assert.Equal(new GpuProperties("Stand-in GPU", 9, 0, 132, 1L << 30, 232448, 50 << 20, 12040) { PciBusId = "0000:41:00.0" }, driver.Properties);
            using (var memory = new DeviceMemory(driver, 16))
            using (var second = new DeviceMemory(driver, 16))
            using (var host = new PinnedMemory(driver, 16))
            using (var stream = new CudaStream(driver))
            using (var module = new CudaModule(driver, "good"u8))
            using (var start = new CudaEvent(driver))
            using (var end = new CudaEvent(driver))
            {
                Assert.Equal((1L << 30) - 32, driver.FreeMemory());
                Span<float> values = Floats(host);
                new float[] { 1, 2, 3, 4 }.CopyTo(values);
                driver.CopyToDevice(memory.Value, host.Value, 16, stream.Value);
                driver.Clear(second.Value, 16, stream.Value);
                driver.Copy(second.Value, memory.Value, 8, stream.Value);

                using var launch = new KernelLaunch(driver, module.Function("scale"), new LaunchShape(3, 64, 100_000, 5, 7), second.Value, 3, 2f);
                driver.Record(start.Value, stream.Value);
                launch.Enqueue(stream.Value);
                driver.Record(end.Value, stream.Value);
                driver.Wait(stream.Value, end.Value);
                driver.WaitFor(end.Value);
                stream.Synchronize();
                Assert.Equal(1.5f, driver.Milliseconds(start.Value, end.Value));
                Assert.Equal([3, 5, 7, 64, 1, 1, 100_000], LastLaunch(library));
                driver.CopyToHost(host.Value, second.Value, 16, stream.Value);
                Assert.Equal([2f, 4, 0, 0], Floats(host).ToArray());

                driver.BeginCapture(stream.Value);
                launch.Enqueue(stream.Value);
                launch.Enqueue(stream.Value);
                using var graph = new CudaGraph(driver, driver.EndCapture(stream.Value));
                driver.LaunchGraph(graph.Value, stream.Value);
                driver.CopyToHost(host.Value, second.Value, 16, stream.Value);
                Assert.Equal([8f, 16, 0, 0], Floats(host).ToArray()); // not 32: recording runs nothing
            }

            Assert.Equal(0, Number(library, "stand_in_live"));
            Assert.Equal(1, Number(library, "stand_in_retained"));
        }

        Assert.Equal(0, Number(library, "stand_in_retained"));
    }

    [StandInFact]
    public void The_context_is_made_current_on_every_thread_and_by_turns()
    {
        nint library = Load();
        var cuda = new LibCuda(library);
        using var first = new LibCudaDriver(cuda);
        using (var second = new LibCudaDriver(cuda))
        {
            Assert.Equal(first.FreeMemory(), second.FreeMemory());
            long free = 0;
            var thread = new Thread(() => free = first.FreeMemory());
            thread.Start();
            thread.Join();
            Assert.Equal(1L << 30, free);
        }

        Assert.Equal(1L << 30, first.FreeMemory()); // the other driver took its context off this thread
    }

    [StandInFact]
    public unsafe void Tensor_maps_are_of_bf16_with_the_widest_swizzle()
    {
        nint library = Load();
        using var driver = new LibCudaDriver(new LibCuda(library));
        using var memory = new DeviceMemory(driver, 4096);
        Assert.True(driver.HasTensorMaps);
        var map = new byte[TensorBox.MapBytes];
        driver.EncodeTensorMap(new TensorBox(memory.Value, Rows: 20, Columns: 40, Stride: 48, BoxRows: 16), map);
        Assert.All(map, value => Assert.Equal(0x4D, value));
        Assert.Equal([9ul, 2, 0, 3, 3, 0, 40, 20, 96, 64, 16, 1, 1], new Span<ulong>((void*)NativeLibrary.GetExport(library, "stand_in_map"), 13).ToArray());
        Assert.Contains("BoxRows = 300", Assert.Throws<CudaException>(() => driver.EncodeTensorMap(new TensorBox(memory.Value, 20, 40, 48, 300), new byte[TensorBox.MapBytes])).Message);
    }

    [StandInFact]
    public void Errors_name_the_call_the_error_and_its_text()
    {
        nint library = Load();
        using var driver = new LibCudaDriver(new LibCuda(library));
        var error = Assert.Throws<CudaException>(() => driver.Synchronize(0));
        Assert.Equal("cuStreamSynchronize: CUDA_ERROR_INVALID_HANDLE (400): text of the error", error.Message);
        Assert.Contains("this image is not good", Assert.Throws<CudaException>(() => driver.LoadModule("evil"u8)).Message);
        using var module = new CudaModule(driver, "good"u8);
        Assert.Contains("nothing", Assert.Throws<CudaException>(() => module.Function("nothing")).Message);
        Assert.Contains("232448", Assert.Throws<CudaException>(() => driver.AllowSharedMemory(module.Function("scale"), 300_000)).Message);
    }

    [StandInFact]
    public void Too_little_memory_is_told_as_the_users_matter()
    {
        nint library = Load();
        using var driver = new LibCudaDriver(new LibCuda(library));
        var error = Assert.Throws<UserErrorException>(() => new DeviceMemory(driver, 3_000_000_000));
        Assert.Contains("3.0 GB in one piece, which Stand-in GPU does not have free (1.1 of 1.1 GB are)", error.Message);
        Assert.Contains("engine.recompute: full", error.Message);
    }

    [StandInFact]
    public void After_a_kernel_has_failed_handles_are_disposed_in_silence()
    {
        nint library = Load();
        using var driver = new LibCudaDriver(new LibCuda(library));
        var memory = new DeviceMemory(driver, 16);
        var stream = new CudaStream(driver);
        var module = new CudaModule(driver, "good"u8);
        using var launch = new KernelLaunch(driver, module.Function("scale"), new LaunchShape(1, 32), memory.Value, -1, 1f);
        launch.Enqueue(stream.Value);
        Assert.Contains("cuStreamSynchronize: CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure", Assert.Throws<CudaException>(stream.Synchronize).Message);
        memory.Dispose();
        stream.Dispose();
        module.Dispose();
    }

    [StandInFact]
    public void A_handle_that_outlives_its_driver_is_let_go()
    {
        nint library = Load();
        var driver = new LibCudaDriver(new LibCuda(library));
        var memory = new DeviceMemory(driver, 16);
        driver.Dispose();
        driver.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => driver.FreeMemory());
    }

    /// <summary>Numbers of GPUs mean something else to the energy meter; places on the bus do not.</summary>
    [StandInFact]
    public void A_device_names_its_gpu_by_its_place_on_the_bus()
    {
        using var device = new CudaDevice(new LibCudaDriver(new LibCuda(Load())), new EmulatedCompiler(), DataType.BFloat16);
        Assert.Equal(["0000:41:00.0"], device.Gpus);
    }

    [StandInFact]
    public void A_number_that_no_GPU_has_is_an_error_of_the_user()
    {
        nint library = Load();
        Assert.Contains("CUDA shows 1", Assert.Throws<UserErrorException>(() => new LibCudaDriver(new LibCuda(library), 1)).Message);
    }

    /// <summary>A fresh copy for each test: its state is its own.</summary>
    nint Load()
    {
        string path = folder.File("libcuda.so.1");
        StandInLibrary.BuildFile(path, "stand_in_cuda.c");
        return NativeLibrary.Load(path);
    }

    static unsafe Span<float> Floats(PinnedMemory memory) => new((void*)memory.Value, (int)(memory.ByteLength / sizeof(float)));

    static unsafe int Number(nint library, string function) => ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, function))();

    static unsafe uint[] LastLaunch(nint library) => new Span<uint>((void*)NativeLibrary.GetExport(library, "stand_in_last"), 7).ToArray();
}
