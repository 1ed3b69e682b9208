namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = x / (‖x‖₂ + ε), the first step of Muon's orthogonalisation (Jordan et al., 2024); in place allowed.</summary>
internal sealed unsafe class NormalizeKernel : SimdKernel
{
    readonly float* x, y;
    readonly float epsilon;
    readonly Blocks blocks;
    readonly SimdKernel[] stages;
    readonly BlockSum<SquareTerm> squares;
    float factor;

    public NormalizeKernel(WorkerPool pool, float* x, long count, float epsilon, float* y) : base(pool, new Blocks(count).Count)
    {
        this.x = x;
        this.y = y;
        this.epsilon = epsilon;
        blocks = new(count);
        squares = new(pool, x, count);
        stages = [squares];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => stages;

    public override void Run(WorkerPool pool)
    {
        squares.Run(pool);
        factor = (float)(1 / (Math.Sqrt(squares.Total) + epsilon));
        base.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
        => Elementwise.Scale<T>(x + Blocks.Start(task), factor, y + Blocks.Start(task), blocks.Length(task));

    public override void Dispose()
    {
        squares.Dispose();
        base.Dispose();
    }
}
