using Litespark.Devices.Cpu;

namespace Litespark.Benchmarks.Measuring;

/// <summary>One product by our kernel and by OpenBLAS, on the same operands, each into a result of its own.</summary>
internal sealed unsafe class GemmPair : IDisposable
{
    readonly GemmForm form;
    readonly BoundOp ours;
    readonly OpenBlas? blas;
    readonly NativeBuffer? theirs;

    public GemmPair(WorkerPool pool, GemmForm form, OpenBlas? blas)
    {
        (this.form, this.blas) = (form, blas);
        (Graphs.Op op, Graphs.TensorType a, Graphs.TensorType b) = form.Bind();
        ours = BoundOp.Create(pool, op, a, b);
        if (blas is not null) theirs = new NativeBuffer((long)form.M * form.N * sizeof(float));
    }

    public void RunOurs() => ours.Run();

    public void RunTheirs() => blas!.Multiply(form.TransposeA, form.TransposeB, form.M, form.N, form.K, 1,
        ours.InputAddress(0), form.TransposeA ? form.M : form.K, ours.InputAddress(1), form.TransposeB ? form.K : form.N,
        form.Accumulates ? 1 : 0, theirs!.Floats, form.N);

    /// <summary>Runs both on equal results (which a form that adds reads) and compares.</summary>
    public double Error()
    {
        Span<float> mine = ours.Output(0);
        var reference = new Span<float>(theirs!.Floats, mine.Length);
        mine.CopyTo(reference);
        RunOurs();
        RunTheirs();
        return Statistics.RelativeError(mine, reference);
    }

    public void Dispose()
    {
        ours.Dispose();
        theirs?.Dispose();
    }
}
