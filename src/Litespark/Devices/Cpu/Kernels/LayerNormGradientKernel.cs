// N tokens, D columns
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="LayerNormKernel"/>, x being what was normalised (the sum, where there was a residual).
/// With x̂ = (x − mean) · inverseStd and u = weight ∘ dy: dx = inverseStd · (u − mean(u) − x̂ · mean(u ∘ x̂)) + addend;
/// dWeight = Σ dy ∘ x̂ and dBias = Σ dy over the rows (each null: not wanted). The addend is the gradient that reaches x
/// by other ways (Data null: none). dx may be dy, x or the addend.
/// </summary>
internal sealed unsafe class LayerNormGradientKernel : SimdKernel
{
    readonly Matrix dy, x, addend, dx;
    readonly float* weight, mean, inverseStd;
    readonly RowBlockPartials weightPartials, biasPartials;
    readonly SimdKernel[] totals;

    public LayerNormGradientKernel(
        WorkerPool pool, Matrix dy, Matrix x, float* weight, float* mean, float* inverseStd, Matrix addend, Matrix dx,
        float* dWeight, float* dBias, bool accumulateWeights)
        : base(pool, RowBlockPartials.Cut(x.Rows, x.Columns).Count)
    {
        (this.dy, this.x, this.addend, this.dx) = (dy, x, addend, dx);
        this.weight = weight;
        this.mean = mean;
        this.inverseStd = inverseStd;
        weightPartials = new(pool, x.Rows, x.Columns, x.Columns);
        biasPartials = new(pool, x.Rows, x.Columns, x.Columns, weightPartials);
        List<SimdKernel> stages = [];
        if (dWeight != null) stages.Add(new ColumnTotals(pool, weightPartials, dWeight, accumulateWeights));
        if (dBias != null) stages.Add(new ColumnTotals(pool, biasPartials, dBias, accumulateWeights));
        totals = [.. stages];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => totals;

    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        foreach (SimdKernel stage in totals) stage.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = weightPartials.Tiles[task];
        int columns = tile.Count;
        float* dWeight_D = weightPartials.Clear(task), dBias_D = biasPartials.Clear(task);
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* dy_D = dy.Row(n), x_D = x.Row(n), dx_D = dx.Row(n);
            float* addend_D = addend.Data == null ? null : addend.Row(n);
            T center = T.Broadcast(mean[n]), scale = T.Broadcast(inverseStd[n]);

            T sum = T.Zero, dot = T.Zero;
            for (int c = 0; c < columns; c += T.Count)
            {
                int rest = columns - c;
                T u = Lanes.Load<T>(weight + c, rest) * Lanes.Load<T>(dy_D + c, rest);
                sum += u;
                dot = T.MultiplyAdd(u, (Lanes.Load<T>(x_D + c, rest) - center) * scale, dot);
            }

            T meanOfU = T.Broadcast(T.Sum(sum) / columns), meanOfDot = T.Broadcast(T.Sum(dot) / columns);
            for (int c = 0; c < columns; c += T.Count)
            {
                int rest = columns - c;
                T gradient = Lanes.Load<T>(dy_D + c, rest), normalised = (Lanes.Load<T>(x_D + c, rest) - center) * scale;
                Lanes.Store(T.MultiplyAdd(gradient, normalised, Lanes.Load<T>(dWeight_D + c, rest)), dWeight_D + c, rest);
                Lanes.Store(gradient + Lanes.Load<T>(dBias_D + c, rest), dBias_D + c, rest);
                T result = scale * (Lanes.Load<T>(weight + c, rest) * gradient - meanOfU - normalised * meanOfDot);
                if (addend_D != null) result += Lanes.Load<T>(addend_D + c, rest);
                Lanes.Store(result, dx_D + c, rest);
            }
        }
    }
}
