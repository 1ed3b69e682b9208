using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Tuning;

/// <summary>Times the ways to compute the products and the attention of programs, which are not loaded for it.</summary>
internal sealed class PlanTuner(KernelLibrary kernels, CublasLtContext? cublasLt, CudnnContext? cudnn, DeviceProfile profile)
{
    /// <summary>A form of calls: what is timed once.</summary>
    readonly record struct Form(string Op, string Text, int Calls, double Flops, MeasureForm Measure);

    /// <summary>Times a form; says what was left out, or null.</summary>
    delegate IReadOnlyList<TimedVariant> MeasureForm(ProductTuner products, AttentionTuner attention, out string? leftOut);

    /// <summary>One finding for each form.</summary>
    public IEnumerable<TuningFinding> Tune(IReadOnlyList<StepProgram> programs)
    {
        using var products = new ProductTuner(kernels, cublasLt);
        var attention = new AttentionTuner(kernels, cudnn, profile);
        KernelCall[] calls = [.. programs.SelectMany(program => program.Plans.Values).SelectMany(plan => plan.Calls)];
        foreach (Form form in Products(calls).Concat(HeadProducts(calls)).Concat(Attentions(calls)).OrderByDescending(form => form.Calls * form.Flops))
        {
            (IReadOnlyList<TimedVariant> variants, string? problem, string? leftOut) = Measure(form, products, attention);
            yield return new TuningFinding(form.Op, form.Text, form.Calls, form.Flops, [.. variants.OrderBy(variant => variant.Milliseconds)], variants.Count > 0 ? variants[0] : null, problem, leftOut);
        }
    }

    /// <summary>What goes wrong with one form is said, and the others are timed all the same.</summary>
    static (IReadOnlyList<TimedVariant> Variants, string? Problem, string? LeftOut) Measure(Form form, ProductTuner products, AttentionTuner attention)
    {
        try
        {
            IReadOnlyList<TimedVariant> variants = form.Measure(products, attention, out string? leftOut);
            return (variants, variants.Count > 0 ? null : "the GPU has no room for the operands", leftOut);
        }
        catch (Exception error) when (error is CudaException or KernelCompilationException or NotSupportedException or UserErrorException)
        {
            return ([], error.Message, null);
        }
    }

    static IEnumerable<Form> Products(IEnumerable<KernelCall> calls)
        => calls.Where(call => call.Op is MatMul).GroupBy(Problem)
            .Select(group => new Form(group.First().Op.Name, $"{group.Key}", group.Count(), group.First().Cost.Flops, (ProductTuner products, AttentionTuner _, out string? leftOut) => products.Measure(group.Key, out leftOut)));

    /// <summary>The batches that products of heads are made of: several calls of the library for one of a plan.</summary>
    List<Form> HeadProducts(IEnumerable<KernelCall> calls)
    {
        using var offsets = new CudaBinding(kernels, persistent: 0, transient: 0);
        return [.. calls.Where(call => call.Op is HeadProduct).GroupBy(Batch)
            .Select(group => new Form(group.First().Op.Name, $"{group.Key}", (int)Math.Round(group.Sum(call => call.Cost.Flops) / group.Key.Flops), group.Key.Flops,
                (ProductTuner products, AttentionTuner _, out string? leftOut) => products.Measure(group.Key, out leftOut)))];

        MatmulProblem Batch(KernelCall call)
        {
            HeadBatches batches = HeadBatches.Asked(MatMulOps.Product(offsets, call, (HeadProduct)call.Op), sequence: 0, partials: 0);
            (nint a, nint b, nint c) = batches.Calls[0];
            return batches.Problem.At(a, b, c, bias: 0);
        }
    }

    /// <summary>Only calls that the device has a kernel for are left in a plan.</summary>
    IEnumerable<Form> Attentions(IEnumerable<KernelCall> calls)
        => calls.Where(call => call.Op is Attention or AttentionGradient).GroupBy(call => (call.Op, OfCudnn: OfCudnn(call)))
            .Select(group => new Form(group.Key.Op.Name, Text(group.Key.Op, group.Key.OfCudnn), group.Count(), group.First().Cost.Flops, (ProductTuner _, AttentionTuner attention, out string? leftOut) =>
            {
                leftOut = null;
                cublasLt?.EndTuning(); // what products were timed on must not count as taken
                return attention.Measure(group.Key.Op, group.Key.OfCudnn);
            }));

    /// <summary>The call in cuDNN's terms; null where it is not cuDNN's.</summary>
    AttentionProblem? OfCudnn(KernelCall call)
    {
        AttentionCall its = call.Op is Attention op ? AttentionCall.Of(call, op) : AttentionCall.Of(call, (AttentionGradient)call.Op);
        return cudnn?.IsFor(its) == true ? its.Problem : null;
    }

    /// <summary>Arenas begin at multiples of more than any alignment that counts, so offsets have the alignment of addresses.</summary>
    static MatmulProblem Problem(KernelCall call)
        => CudaCallFactory.Problem(call, (MatMul)call.Op) with
        {
            Alignment = MatmulProblem.AlignmentOf([.. call.Inputs.Take(((MatMul)call.Op).HasBias ? 3 : 2).Append(call.Outputs[0]).Select(operand => (nint)operand.Offset)]),
        };

    static string Text(Op op, AttentionProblem? ofCudnn)
    {
        (AttentionGeometry g, int window) = op is Attention attention ? (attention.Geometry, attention.Window) : (((AttentionGradient)op).Geometry, ((AttentionGradient)op).Window);
        return $"{g.Sequences} x {g.SequenceLength}, {g.Heads}/{g.KeyValueHeads} heads of {g.HeadDim}{(window > 0 ? $", window {window}" : "")}{(ofCudnn is null ? "" : $", strides {ofCudnn.Strides} {ofCudnn.GradientStrides}")}";
    }
}
