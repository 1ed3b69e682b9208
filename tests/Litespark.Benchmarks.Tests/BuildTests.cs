using Litespark.Benchmarking;
using Litespark.Benchmarks.Builds;
using Litespark.Benchmarks.Measuring;
using Litespark.Devices.Cpu;
using Litespark.Planning;

namespace Litespark.Benchmarks.Tests;

/// <summary>Other builds loaded beside this one.</summary>
public class BuildTests
{
    static readonly ModelShape Smallest = ModelShape.Of("1m", 1, 16);

    [Fact]
    public void A_build_beside_itself_finds_the_same_losses_and_kernels_whatever_ran_between()
    {
        using LoadedBuild a = LoadedBuild.Open(Build.Own, Smallest, "litespark", 1), b = LoadedBuild.Open(Build.Own, Smallest, "litespark", 1);
        Assert.Equal(a.FirstLoss, b.FirstLoss);
        Assert.Equal(a.Kernels, b.Kernels);
        Assert.Equal(a.Steps(2), b.Steps(2));

        // Kernels of the micro-batch overwrite no weights: the next step finds what it would have found.
        int kernel = a.Kernels.ToList().FindLastIndex(item => item.Phase == "backward");
        foreach (int measured in new[] { 2, kernel, 1 })
        {
            PairSide side = a.Kernel(measured);
            side.Run();
            side.Run();
            side.Restore();
        }

        Assert.Equal(a.Steps(1), b.Steps(1));
    }

    [Fact]
    public void Every_kernel_of_a_step_can_be_prepared_run_and_timed()
    {
        using LoadedBuild build = LoadedBuild.Open(Build.Own, Smallest, "baseline", 2);
        for (int kernel = 0; kernel < build.Kernels.Count; kernel++) build.Kernel(kernel).Run();
        // Of a few numbers a kernel can be done before the clock has moved.
        double[] seconds = build.Profile();
        Assert.Equal(build.Kernels.Count, seconds.Length);
        Assert.All(Enumerable.Range(0, seconds.Length).Where(kernel => build.Kernels[kernel].Name is "matmul" or "softmax"), kernel => Assert.True(seconds[kernel] > 0, $"{build.Kernels[kernel]}: {seconds[kernel]} s"));
        Assert.Contains(build.Kernels, kernel => kernel.Name == "matmul" && kernel.Calls == 3 * 2); // gate and up of three layers
        Assert.True(double.IsFinite(build.Steps(1)));
    }

    [Fact]
    public void Its_code_is_the_other_folders_not_ours()
    {
        var context = new BuildContext(Build.Own.Folder);
        Type step = context.Harness.GetType(typeof(BuildStep).FullName!)!;
        Assert.NotSame(typeof(BuildStep), step);
        Assert.NotSame(typeof(CpuDevice).Assembly, context.LoadFromAssemblyName(typeof(CpuDevice).Assembly.GetName()));
    }

    [Fact]
    public void What_is_wrong_with_a_build_is_told()
    {
        Assert.Contains("no-such-build", Assert.Throws<UserErrorException>(() => Build.Find("no-such-build", _ => { })).Message, StringComparison.Ordinal);
        Assert.Contains("llama-0m", Assert.Throws<UserErrorException>(() => LoadedBuild.Open(Build.Own, Smallest with { Name = "0m" }, "litespark", 1)).Message, StringComparison.Ordinal);
        string folder = Directory.CreateTempSubdirectory("litespark-build-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Litespark.dll"), "no library");
            Build broken = Build.Find(folder, _ => { });
            Assert.Contains(folder, Assert.Throws<UserErrorException>(() => LoadedBuild.Open(broken, Smallest, "litespark", 1)).Message, StringComparison.Ordinal);
            // A library of that name which has nothing of ours in it.
            File.Copy(typeof(BuildTests).Assembly.Location, Path.Combine(folder, "Litespark.dll"), overwrite: true);
            Assert.Contains("lacks", Assert.Throws<UserErrorException>(() => LoadedBuild.Open(broken, Smallest, "litespark", 1)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public unsafe void Operands_that_a_call_overwrites_are_put_back()
    {
        using var device = new CpuDevice(1);
        BenchmarkWorkload workload = Workloads.Of(Smallest, device);
        StepPlan plan = workload.Build(workload.LitesparkPlan).Plans[ProgramBuilder.FirstMicroBatch];
        using var transient = new NativeBuffer(plan.TransientBytes);
        InPlaceOperands[] kept = [.. plan.Calls.Select(call => new InPlaceOperands(call, transient))];
        int place = Array.FindIndex(kept, operands => operands.Bytes > 0);
        Assert.True(place >= 0, "no call of the plan works in place");
        KernelCall call = plan.Calls[place];
        Operand overwritten = call.Inputs.First(input => call.Outputs.Any(output => output.Offset == input.Offset && output.Arena == input.Arena));

        var memory = new Span<byte>(transient.Pointer, checked((int)transient.ByteLength));
        memory.Fill(1);
        kept[place].Save();
        memory.Fill(2);
        kept[place].Restore();
        Assert.True(memory.Slice((int)overwritten.Offset, (int)overwritten.Bytes).IndexOfAnyExcept((byte)1) < 0);
        Assert.Equal(kept[place].Bytes, memory.Count((byte)1));
    }
}
