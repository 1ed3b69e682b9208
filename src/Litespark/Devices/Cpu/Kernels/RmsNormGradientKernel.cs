// N tokens, D columns, G columns of one group
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="RmsNormKernel"/>, x being what was normalised (the sum, where there was a residual).
/// With x̂ = x · inverseRms and u = weight ∘ dy: dx = inverseRms · (u − x̂ · mean(u ∘ x̂)) + addend, means over a group;
/// dWeight = Σ dy ∘ x̂ over rows and groups (null: not wanted). The addend is the gradient that reaches x by other ways
/// (the residual stream; Data null: none). dx may be dy, x or the addend.
/// </summary>
internal sealed unsafe class RmsNormGradientKernel : SimdKernel
{
    readonly Matrix dy, x, addend, dx;
    readonly float* weight, inverseRms;
    readonly int groupSize, groups;
    readonly RowBlockPartials partials;
    readonly SimdKernel[] totals;

    public RmsNormGradientKernel(
        WorkerPool pool, Matrix dy, Matrix x, float* weight, float* inverseRms, Matrix addend, Matrix dx, float* dWeight,
        bool accumulateWeight, int groupSize)
        : base(pool, RowBlockPartials.Cut(x.Rows, x.Columns).Count)
    {
        (this.dy, this.x, this.addend, this.dx) = (dy, x, addend, dx);
        this.weight = weight;
        this.inverseRms = inverseRms;
        (this.groupSize, groups) = (groupSize, x.Columns / groupSize);
        partials = new(pool, x.Rows, x.Columns, groupSize);
        totals = dWeight == null ? [] : [new ColumnTotals(pool, partials, dWeight, accumulateWeight)];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => totals;

    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        foreach (SimdKernel stage in totals) stage.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = partials.Tiles[task];
        float* dWeight_G = partials.Clear(task);
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            for (int group = 0; group < groups; group++)
            {
                int column = group * groupSize;
                float* dy_G = dy.Row(n) + column, x_G = x.Row(n) + column, dx_G = dx.Row(n) + column;
                float* addend_G = addend.Data == null ? null : addend.Row(n) + column;

                T dot = T.Zero;
                for (int c = 0; c < groupSize; c += T.Count)
                {
                    int rest = groupSize - c;
                    T u = Lanes.Load<T>(weight + c, rest) * Lanes.Load<T>(dy_G + c, rest);
                    dot = T.MultiplyAdd(u, Lanes.Load<T>(x_G + c, rest), dot);
                }

                float inverse = inverseRms[(nint)n * groups + group];
                T scale = T.Broadcast(inverse), mean = T.Broadcast(T.Sum(dot) * inverse / groupSize);
                for (int c = 0; c < groupSize; c += T.Count)
                {
                    int rest = groupSize - c;
                    T gradient = Lanes.Load<T>(dy_G + c, rest), normalised = scale * Lanes.Load<T>(x_G + c, rest);
                    Lanes.Store(T.MultiplyAdd(gradient, normalised, Lanes.Load<T>(dWeight_G + c, rest)), dWeight_G + c, rest);
                    T result = scale * (Lanes.Load<T>(weight + c, rest) * gradient - normalised * mean);
                    if (addend_G != null) result += Lanes.Load<T>(addend_G + c, rest);
                    Lanes.Store(result, dx_G + c, rest);
                }
            }
        }
    }
}
