using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;
using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Text generation with the key/value cache: a prompt, and one token behind it.</summary>
public class DecodingBenchmarks
{
    const int FewestThreads = 2;

    readonly int[] prompt = [.. Enumerable.Range(0, 32)];
    CpuDevice? device;
    CachedModel? model;

    /// <summary>Loads the model; its weights stay zero, which costs the same.</summary>
    [GlobalSetup]
    public void Start()
    {
        device = new CpuDevice(Math.Max(FewestThreads, Environment.ProcessorCount));
        ModelShape shape = KernelBenchmarks.Shape;
        model = new CachedModel(device, Transformer.Function(shape.Spec), capacity: 2 * prompt.Length);
    }

    /// <summary>Frees it.</summary>
    [GlobalCleanup]
    public void End()
    {
        model?.Dispose();
        device?.Dispose();
    }

    [Benchmark]
    public void Prompt_and_token()
    {
        model!.Clear();
        model.Append(prompt);
        model.Append(prompt.AsSpan(0, 1));
    }
}
