using Litespark.Benchmarks.Measuring;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Benchmarks.Tests;

/// <summary>FLOPs and bytes that rates are computed from, and the operands that kernels are bound to.</summary>
public class WorkTests
{
    [Fact]
    public void Rows_of_products_are_those_that_the_plan_runs()
    {
        var shape = new ModelShape("1m", ModelPresets.Get("llama-1m"), 2, 64);
        IReadOnlyList<GemmRow> rows = GemmRows.Of(shape);
        GemmRow qkv = rows.First(row => row is { Layer: "qkv", Product: "forward x·Wᵀ" });
        Assert.Equal(shape.Spec.NumHiddenLayers, qkv.Calls);
        Assert.Equal(2.0 * shape.Tokens * 3 * shape.Spec.HiddenSize * shape.Spec.HiddenSize, qkv.Form.Flops);
        Assert.All(rows.GroupBy(row => row.Layer), layer => Assert.Equal(4, layer.Count()));
        Assert.All(rows.Where(row => row.Product == "input gradient dy·W" && row.Layer is "qkv" or "o" or "gate+up" or "down"), row => Assert.True(row.Calls > 0));
    }

    [Fact]
    public void A_bound_op_computes_and_adds_to_its_result()
    {
        using var pool = new WorkerPool(1);
        var form = new GemmForm(3, 2, 4, TransposeA: true, TransposeB: false, Accumulates: true);
        (Op op, TensorType a, TensorType b) = form.Bind();
        using BoundOp product = BoundOp.Create(pool, op, a, b);
        product.Input(0).Fill(2);
        product.Input(1).Fill(3);
        product.Output(0).Fill(10);
        product.Run();
        Assert.All(product.Output(0).ToArray(), value => Assert.Equal(34, value));
        Assert.Equal(48, product.Flops);
    }

    [Fact]
    public void Bytes_of_memory_bound_kernels_count_every_operand_once()
    {
        var shape = new ModelShape("1m", ModelPresets.Get("llama-1m"), 2, 64);
        double Bytes(string name, int rows) => MemoryCases.Of(shape).Single(one => one.Name == name).Bytes(rows);
        Assert.Equal(2 * 4.0 * MemoryCases.ParameterRow * 5, Bytes("copy", 5));
        Assert.Equal(7 * 4.0 * MemoryCases.ParameterRow * 5, Bytes("adamw", 5), tolerance: 32); // reads w, g, m, v, writes w, m, v
        Assert.Equal(8 * (2.0 * shape.Spec.HiddenSize + 1) * 4, Bytes("embedding", 8));
        Assert.Equal(2 * 4.0 * 8 * shape.Spec.VocabSize, Bytes("cross_entropy_with_gradient", 8), tolerance: 100); // in place: read and written
    }

    [Fact]
    public void Every_memory_bound_kernel_can_be_bound_and_run()
    {
        var shape = new ModelShape("1m", ModelPresets.Get("llama-1m"), 1, 16);
        using var pool = new WorkerPool(1);
        foreach (MemoryCase one in MemoryCases.Of(shape))
        {
            using BoundOp kernel = one.Create(pool, 16);
            kernel.Run();
            Assert.All(kernel.OutputCount > 0 ? kernel.Output(0).ToArray() : kernel.Input(0).ToArray(), value => Assert.True(float.IsFinite(value), one.Name));
        }
    }

    [Fact]
    public void Inference_counts_the_causal_area_and_reads_every_weight_once()
    {
        TransformerSpec spec = ModelPresets.Get("llama-15m");
        double matrices = 6.0 * 288 * (4 * 288 + 3 * 768);
        Assert.Equal(2 * matrices * 10 + 2.0 * 4096 * 288 + 4.0 * 6 * 288 * 55, InferenceCost.PrefillFlops(spec, 10));
        Assert.Equal(4 * (matrices + 4096.0 * 288 + 288 + 2 * 6 * 288 * 100), InferenceCost.DecodeBytes(spec, 100));
    }

    [Fact]
    public void Instructions_are_counted_for_whole_registers_of_a_row()
    {
        ModelShape shape = ModelShape.All[0];
        MemoryCase gelu = MemoryCases.Of(shape).Single(one => one.Name == "gelu"), copy = MemoryCases.Of(shape).Single(one => one.Name == "copy");
        Assert.Equal(18.0 * 10 * shape.Spec.IntermediateSize / 8, gelu.InstructionsOf(10, register: 8));
        Assert.Equal(0, copy.InstructionsOf(10, register: 8));
    }

    [Fact]
    public void The_rate_of_instructions_is_that_of_a_processor()
    {
        using var pool = new WorkerPool(1);
        Assert.InRange(new InstructionProbe().Sample(pool), 1e6, 1e11);
    }
}
