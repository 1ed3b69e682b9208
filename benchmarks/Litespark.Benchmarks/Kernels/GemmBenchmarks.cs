using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Kernels;

/// <summary>The matrix products of a linear layer (gate and up together), and of one token.</summary>
public class GemmBenchmarks : KernelBenchmarks
{
    BoundOp forward = null!, inputGradient = null!, weightGradient = null!, weightGradientAdded = null!, withBias = null!, oneToken = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        BoundOp[] products = [.. GemmRows.Linear(Tokens, Hidden, 2 * Inner).Select(product =>
        {
            (Op op, TensorType a, TensorType b) = product.Form.Bind();
            return Of(op, a, b);
        })];
        (forward, inputGradient, weightGradient, weightGradientAdded) = (products[0], products[1], products[2], products[3]);
        var weight = new TensorType(new Shape(Inner, Hidden));
        withBias = Of(new MatMul(false, true, HasBias: true), new TensorType(new Shape(Tokens, Hidden)), weight, new TensorType(new Shape(Inner)));
        oneToken = Of(new MatMul(false, true), new TensorType(new Shape(1, Hidden)), weight);
    }

    [Benchmark]
    public void Forward() => forward.Run();

    [Benchmark]
    public void Input_gradient() => inputGradient.Run();

    [Benchmark]
    public void Weight_gradient() => weightGradient.Run();

    [Benchmark]
    public void Weight_gradient_added() => weightGradientAdded.Run();

    [Benchmark]
    public void With_bias() => withBias.Run();

    [Benchmark]
    public void One_token() => oneToken.Run();
}
