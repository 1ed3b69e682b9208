using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>RMSNorm and LayerNorm, with and without the residual addition, and their gradients.</summary>
public class NormBenchmarks : KernelBenchmarks
{
    BoundOp rmsNorm = null!, addRmsNorm = null!, rmsNormGradient = null!, rmsNormGradientAdded = null!, layerNorm = null!, addLayerNorm = null!, layerNormGradient = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        rmsNorm = Of("rms_norm", Tokens);
        addRmsNorm = Of("add_rms_norm", Tokens);
        rmsNormGradient = Of("rms_norm_gradient", Tokens);
        rmsNormGradientAdded = Of("rms_norm_gradient, added", Tokens);
        layerNorm = Of("layer_norm", Tokens);
        addLayerNorm = Of("add_layer_norm", Tokens);
        layerNormGradient = Of("layer_norm_gradient", Tokens);
    }

    [Benchmark]
    public void Rms_norm() => rmsNorm.Run();

    [Benchmark]
    public void Add_rms_norm() => addRmsNorm.Run();

    [Benchmark]
    public void Rms_norm_gradient() => rmsNormGradient.Run();

    [Benchmark]
    public void Rms_norm_gradient_added() => rmsNormGradientAdded.Run();

    [Benchmark]
    public void Layer_norm() => layerNorm.Run();

    [Benchmark]
    public void Add_layer_norm() => addLayerNorm.Run();

    [Benchmark]
    public void Layer_norm_gradient() => layerNormGradient.Run();
}
