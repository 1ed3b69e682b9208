using System.CommandLine;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using BenchmarkDotNet.Validators;
using Litespark.Benchmarks.Kernels;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Verbs;

/// <summary>
/// <c>check</c>: every BenchmarkDotNet benchmark at small shapes: that it runs, by a job of very few runs, and that it allocates
/// no managed memory.
/// </summary>
internal sealed class CheckVerb : Command
{
    const int Operations = 4;

    public CheckVerb() : base("check", "Run every kernel benchmark shortly and fail where one allocates managed memory")
    {
        SetAction(options => Run(options.InvocationConfiguration.Output));
    }

    /// <summary>Every class with benchmarks in this program.</summary>
    internal static Type[] Types() => [.. typeof(CheckVerb).Assembly.GetTypes()
        .Where(type => !type.IsAbstract && type.GetMethods().Any(method => method.IsDefined(typeof(BenchmarkAttribute), inherit: true)))
        .OrderBy(type => type.Name, StringComparer.Ordinal)];

    static int Run(TextWriter output)
    {
        KernelBenchmarks.Shape = KernelBenchmarks.Smallest;
        string artifacts = Directory.CreateTempSubdirectory("litespark-benchmarks-").FullName;
        try
        {
            var log = new AccumulationLogger();
            Summary[] summaries = BenchmarkRunner.Run(Types(), Config(log, artifacts));
            Allocation[] allocations = [.. summaries.SelectMany(summary => summary.BenchmarksCases.Select(one => Read(summary, one)))];
            IReadOnlyList<string> wrong = AllocationVerdict.Judge(allocations);
            foreach (Allocation item in allocations.Where(item => !item.IsControl)) output.WriteLine($"  {item.Bytes?.ToString() ?? "-",6} B  {item.Name}");
            if (allocations.Length == 0 || allocations.Any(item => item.Bytes is null)) output.WriteLine(log.GetLog());
            foreach (string line in wrong) output.WriteLine(line);
            output.WriteLine(wrong.Count == 0
                ? $"{allocations.Count(item => !item.IsControl)} benchmarks allocate 0 bytes; the control's allocation was seen"
                : $"{wrong.Count} failures in {allocations.Length} benchmarks");
            return wrong.Count == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(artifacts, recursive: true);
        }
    }

    /// <summary>In this process: nothing is built, nothing is fetched.</summary>
    static ManualConfig Config(ILogger log, string artifacts) => new ManualConfig()
        .AddJob(Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance).WithWarmupCount(1).WithIterationCount(1).WithInvocationCount(Operations).WithUnrollFactor(1))
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddValidator(JitOptimizationsValidator.FailOnError)
        .AddLogger(log)
        .WithArtifactsPath(artifacts)
        .WithOptions(ConfigOptions.DisableLogFile);

    static Allocation Read(Summary summary, BenchmarkCase one)
    {
        bool ran = summary.Reports.Any(report => report.BenchmarkCase == one && report.Success);
        string parameters = one.HasParameters ? $"({one.Parameters.DisplayInfo.Trim('[', ']')})" : "";
        return new Allocation($"{one.Descriptor.Type.Name}.{one.Descriptor.WorkloadMethod.Name}{parameters}", ran ? AllocationCount.Of(one) : null, one.Descriptor.Type == typeof(AllocatingControl));
    }
}
