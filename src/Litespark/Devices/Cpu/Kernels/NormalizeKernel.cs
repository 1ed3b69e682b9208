namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = x / (‖x‖₂ + ε), the first step of Muon's orthogonalisation (Jordan et al., 2024); in place allowed.</summary>
internal sealed unsafe class NormalizeKernel : BlockSum<SquareTerm>
{
    readonly float epsilon;
    readonly FlatScale scale;
    readonly SimdKernel[] stages;

    public NormalizeKernel(WorkerPool pool, float* x, long count, float epsilon, float* y) : base(pool, x, count)
    {
        this.epsilon = epsilon;
        scale = new(pool, x, count, y);
        stages = [scale];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => stages;

    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        scale.Factor = (float)(1 / (Math.Sqrt(Total) + epsilon));
        scale.Run(pool);
    }

    sealed class FlatScale(WorkerPool pool, float* x, long count, float* y) : SimdKernel(pool, new Blocks(count).Count)
    {
        readonly Blocks blocks = new(count);

        public float Factor { get; set; }

        protected override void RunTask<T>(int task, int worker)
            => Elementwise.Scale<T>(x + Blocks.Start(task), Factor, y + Blocks.Start(task), blocks.Length(task));
    }
}
