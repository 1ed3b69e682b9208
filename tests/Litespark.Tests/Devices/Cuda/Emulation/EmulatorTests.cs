using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>The emulator runs right kernels right, and finds what is wrong with wrong ones.</summary>
public class EmulatorTests
{
    const int Threads = 64;

    [EmulatedTheory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    public void Warps_exchange_by_shared_memory_and_reduce(uint seed)
    {
        float[] results = Run(seed, """
            SHARED_ARRAY(float, all, 64);
            all[threadIdx.x] = threadIdx.x + 1;
            __syncthreads();
            float mine = all[63 - threadIdx.x];
            y[threadIdx.x] = warp_sum(mine) + 10000 * warp_max(mine);
            """);
        Assert.All(results[..32], value => Assert.Equal(1552f + 640000, value));
        Assert.All(results[32..], value => Assert.Equal(528f + 320000, value));
    }

    [EmulatedFact]
    public void Shuffles_and_votes()
    {
        float[] results = Run(0, """
            int lane = threadIdx.x % 32;
            float down = __shfl_down_sync(ALL_LANES, (float)lane, 4), up = __shfl_up_sync(ALL_LANES, (float)lane, 1), first = __shfl_sync(ALL_LANES, (float)lane, 7);
            int odd = __popc(__ballot_sync(ALL_LANES, lane % 2));
            float half = lane < 16 ? __shfl_xor_sync(0xFFFFu, (float)lane, 8) : 0;
            y[threadIdx.x] = down + 100 * up + 10000 * first + 100000 * odd + half / 64;
            """);
        for (int i = 0; i < Threads; i++)
        {
            int lane = i % 32;
            Assert.Equal((lane < 28 ? lane + 4 : lane) + 100f * Math.Max(lane - 1, 0) + 70000 + 1600000 + (lane < 16 ? (lane ^ 8) / 64f : 0), results[i]);
        }
    }

    [EmulatedFact]
    public void Named_barriers_hand_over_between_warps()
    {
        float[] results = Run(0, """
            SHARED_ARRAY(float, box, 32);
            for (int round = 0; round < 4; round++)
                if (warp_index() == 0)
                {
                    if (round > 0) barrier_sync(2, 64);
                    box[lane_index()] = round * 100 + lane_index();
                    barrier_arrive(1, 64);
                }
                else
                {
                    barrier_sync(1, 64);
                    y[threadIdx.x] = box[31 - lane_index()];
                    if (round < 3) barrier_arrive(2, 64);
                }
            if (warp_index() == 0) y[threadIdx.x] = 0;
            """);
        for (int lane = 0; lane < 32; lane++) Assert.Equal(331 - lane, results[32 + lane]);
    }

    [EmulatedFact]
    public void Missing_barrier_shows_as_poison()
    {
        float[] results = Run(0, """
            SHARED_ARRAY(float, all, 64);
            all[threadIdx.x] = threadIdx.x;
            y[threadIdx.x] = all[(threadIdx.x + 33) % 64];
            """);
        Assert.Contains(results, float.IsNaN);
    }

    [EmulatedFact]
    public void Missing_second_barrier_shows_under_some_seed()
    {
        const string Body = """
            SHARED_ARRAY(float, box, 64);
            float sum = 0;
            for (int round = 0; round < 8; round++)
            {
                box[threadIdx.x] = round + threadIdx.x;
                __syncthreads();
                sum += box[threadIdx.x ^ 32];
            }
            y[threadIdx.x] = sum;
            """;
        bool IsWrong(uint seed) => Run(seed, Body).Where((value, thread) => value != 28 + 8 * (thread ^ 32)).Any();
        Assert.Contains([0u, 1u, 2u], IsWrong);
    }

    /// <summary>Bodies of kernels with what the report must say.</summary>
    static readonly (string Body, string[] Report)[] Bugs =
    [
        ("if (threadIdx.x < 40) __syncthreads();", ["deadlock", "24 threads have ended", "40 threads", "__syncthreads, line"]),
        ("if (threadIdx.x < 32)\n __syncthreads();\nelse\n __syncthreads();", ["divergent __syncthreads", "while other threads wait at line"]),
        ("if (threadIdx.x % 2) y[0] = __shfl_xor_sync(ALL_LANES, 1.0f, 1);", ["deadlock", "__shfl_xor_sync, line"]),
        ("float v;\nif (threadIdx.x % 2) v = warp_sum(1);\nelse\n v = __shfl_sync(ALL_LANES, 1.0f, 0);\ny[0] = v;", ["divergent", "other lanes of mask ffffffff"]),
        ("if (threadIdx.x % 32 < 16) y[0] = __shfl_sync(0xFFFFu, 1.0f, 20);", ["reads lane 20, which is not in mask 0000ffff"]),
        ("if (threadIdx.x % 32 < 16) __syncwarp(0xFFu);", ["is not in its own mask"]),
        ("SHARED_MEMORY(float, s); s[256 / 4] = 1;", ["writes behind the 256 bytes of shared memory"]),
        ("SHARED_ARRAY(float, s, 8); float* p = s; p[threadIdx.x / 7] = 1;", ["behind the end of a shared array"]),
        ("y[64] = 1;", ["written 0 bytes behind an allocation of 256 bytes"]),
        ("y[-1] = 1;", ["before an allocation of 256 bytes"]),
        ("store16(y + 61, make_uint4(0, 0, 0, 0));", ["is not a multiple of 16"]),
        ("store16(y + 64, make_uint4(0, 0, 0, 0));", ["outside of all allocated memory"]),
        ("y[(int64)threadIdx.x << 40] = 1;", ["memory fault", "`y[(int64)threadIdx.x << 40] = 1;`"]),
        ("*(float4*)(y + 1) = make_float4(0, 0, 0, 0);", ["misaligned", "`*(float4*)(y + 1)"]),
        ("float a[4];\n for (int i = 0; i < 4; i++) a[i] = y[i];\n y[0] = a[threadIdx.x / 8];", ["index beyond an array", "`y[0] = a[threadIdx.x / 8];`"]),
        ("y[0] = (int)blockDim.x * 0x7000000;", ["integer overflow", "0x7000000"]),
        ("volatile char deep[200000]; for (int i = 0; i < 200000; i += 64) deep[199999 - i] = 1;", ["stack overflow"]),
        ("y[0] = 7 / ((int)threadIdx.x / 64);", ["division by zero"]),
        ("barrier_sync(1, 96);", ["deadlock", "barrier_sync, line"]),
        ("barrier_sync(1, threadIdx.x < 32 ? 64 : 32);", ["while others wait there for"]),
    ];

    public static TheoryData<int> BugNumbers() => [.. Enumerable.Range(0, Bugs.Length)];

    [EmulatedTheory]
    [MemberData(nameof(BugNumbers))]
    public void Planted_bug_is_reported(int bug)
    {
        // All in one file: compiling is most of what a test costs, and a library must be as good as new after a failure.
        string text = string.Concat(Bugs.Select((it, number) => Kernel($"bug_{number}", it.Body)));
        CudaException error = Assert.Throws<CudaException>(() => Run(0, text, $"bug_{bug}"));
        Assert.All(Bugs[bug].Report, part => Assert.Contains(part, error.Message));
    }

    [EmulatedFact]
    public void Report_quotes_the_line()
    {
        CudaException error = Assert.Throws<CudaException>(() => Run(0, "if (threadIdx.x == 5) __syncthreads(); // only one\n"));
        Assert.Contains("`if (threadIdx.x == 5) __syncthreads(); // only one`", error.Message);
    }

    [EmulatedFact]
    public void Text_that_does_not_compile_is_reported_with_the_compilers_words()
        => Assert.Contains("no_such_function", Assert.Throws<KernelCompilationException>(() => Run(0, "no_such_function();")).Message);

    [EmulatedFact]
    public void Asynchronous_work_comes_at_a_time_of_its_own()
    {
        const string Body = """
            SHARED_ARRAY(float, box, 64);
            static int done;
            if (threadIdx.x == 0) done = 0;
            __syncthreads();
            int mine = threadIdx.x;
            emulator::defer([mine, box = &box[0]] { box[mine] = mine; done++; });
            emulator::wait_until("copies", __LINE__, [] { return done == 64; });
            y[threadIdx.x] = box[threadIdx.x ^ 1];
            """;
        Assert.Equal(Enumerable.Range(0, Threads).Select(i => (float)(i ^ 1)), Run(0, Body));
    }

    static float[] Run(uint seed, string body) => Run(seed, Kernel("trial", body), "trial");

    static string Kernel(string name, string body) => $"extern \"C\" __global__ void {name}(float* y)\n{{\n{body}\n}}\nKERNEL({name})\n";

    /// <summary>Runs a kernel in one block of 64 threads with 256 bytes of shared memory; it writes y [64].</summary>
    static unsafe float[] Run(uint seed, string text, string kernel)
    {
        using var driver = new EmulatedDriver(seed);
        using var kernels = new KernelLibrary(driver, new EmulatedCompiler(new Dictionary<string, string> { ["trial.cu"] = "#include \"device.cuh\"\n" + text }));
        using var device = new DeviceMemory(driver, Threads * sizeof(float));
        using var host = new PinnedMemory(driver, Threads * sizeof(float));
        using var stream = new CudaStream(driver);
        using var call = new KernelLaunch(driver, kernels.Function(new KernelVariant("trial"), kernel), new LaunchShape(1, Threads, 256), device.Value);
        call.Enqueue(stream.Value);
        driver.CopyToHost(host.Value, device.Value, host.ByteLength, stream.Value);
        stream.Synchronize();
        return new ReadOnlySpan<float>((void*)host.Value, Threads).ToArray();
    }
}
