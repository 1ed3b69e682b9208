using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using BenchmarkDotNet.Validators;
using Litespark.Benchmarks.Kernels;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>check</c>: every BenchmarkDotNet benchmark at small shapes and with few runs; fails where one allocates managed memory.</summary>
internal sealed class CheckVerb : Command
{
    const int Operations = 32;

    public CheckVerb() : base("check", "Run every kernel benchmark shortly and fail where one allocates managed memory per operation")
    {
        SetAction(options => Run(options.InvocationConfiguration.Output));
    }

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
            if (allocations.Any(item => item.Bytes is null)) output.WriteLine(log.GetLog());
            foreach (string line in wrong) output.WriteLine(line);
            output.WriteLine(wrong.Count == 0
                ? $"{allocations.Count(item => !item.IsControl)} benchmarks allocate 0 bytes per operation; the control's allocation was seen"
                : $"{wrong.Count} of {allocations.Length} benchmarks are wrong");
            return wrong.Count == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(artifacts, recursive: true);
        }
    }

    /// <summary>Every class with benchmarks in this program.</summary>
    internal static Type[] Types() => [.. typeof(CheckVerb).Assembly.GetTypes()
        .Where(type => !type.IsAbstract && type.GetMethods().Any(method => method.IsDefined(typeof(BenchmarkDotNet.Attributes.BenchmarkAttribute), inherit: true)))
        .OrderBy(type => type.Name, StringComparer.Ordinal)];

    /// <summary>In this process (nothing is built, nothing is fetched), with just as many runs as it takes to see an allocation.</summary>
    static IConfig Config(ILogger log, string artifacts) => new ManualConfig()
        .AddJob(Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance).WithWarmupCount(1).WithIterationCount(1).WithInvocationCount(Operations).WithUnrollFactor(1))
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddValidator(JitOptimizationsValidator.FailOnError)
        .AddLogger(log)
        .WithArtifactsPath(artifacts)
        .WithOptions(ConfigOptions.DisableLogFile);

    static Allocation Read(Summary summary, BenchmarkCase one)
    {
        BenchmarkReport? report = summary.Reports.FirstOrDefault(report => report.BenchmarkCase == one);
        string parameters = one.HasParameters ? $"({one.Parameters.DisplayInfo.Trim('[', ']')})" : "";
        return new Allocation($"{one.Descriptor.Type.Name}.{one.Descriptor.WorkloadMethod.Name}{parameters}",
            report is { Success: true } ? PerOperation(report.GcStats) : null, one.Descriptor.Type == typeof(AllocatingControl));
    }

    /// <summary>
    /// Rounded up. Not BenchmarkDotNet's own figure: on a runtime that it does not know yet it takes allocations below some 8 KB in
    /// all for a side effect of measuring, and shows 0.
    /// </summary>
    static long? PerOperation(BenchmarkDotNet.Engines.GcStats stats)
        => stats.GetTotalAllocatedBytes(excludeAllocationQuantumSideEffects: false) is { } total && stats.TotalOperations > 0 ? (total + stats.TotalOperations - 1) / stats.TotalOperations : null;
}
