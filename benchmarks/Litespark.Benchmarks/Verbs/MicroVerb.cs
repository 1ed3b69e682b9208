using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Litespark.Benchmarks.Kernels;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>micro</c>: the BenchmarkDotNet benchmarks with times that mean something, at the shapes of a model's step.</summary>
internal sealed class MicroVerb : Command
{
    readonly Option<string> size = new("--size") { HelpName = "15m|110m", Description = "Model whose shapes are measured", DefaultValueFactory = _ => "15m" };
    readonly Option<string> filter = new("--filter") { HelpName = "PATTERN", Description = "BenchmarkDotNet's pattern, as in *Gemm*", DefaultValueFactory = _ => "*" };

    public MicroVerb() : base("micro", "BenchmarkDotNet's own times of single kernels and of a training step")
    {
        Add(size);
        Add(filter);
        SetAction(options =>
        {
            KernelBenchmarks.Shape = ModelShape.Select(options.GetValue(size)!)[0];
            IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessNoEmitToolchain.Instance)).AddDiagnoser(MemoryDiagnoser.Default);
            BenchmarkSwitcher.FromTypes([.. CheckVerb.Types().Where(type => type != typeof(AllocatingControl))]).Run(["--filter", options.GetValue(filter)!], config);
            return 0;
        });
    }
}
