// N tokens, D columns
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="LayerNormKernel"/>, x being what was normalised (the sum, where there was a residual).
/// With x̂ = (x − mean) · inverseStd and u = weight ∘ dy: dx = inverseStd · (u − mean(u) − x̂ · mean(u ∘ x̂)) + addend;
/// dWeight = Σ dy ∘ x̂ and dBias = Σ dy over the rows (each null: not wanted). The addend is the gradient that reaches x
/// by other ways (Data null: none). dx may be dy, x or the addend.
/// </summary>
internal sealed unsafe class LayerNormGradientKernel : ResultKernel
{
    readonly Matrix dy, x, addend, dx;
    readonly float* weight, mean, inverseStd;
    readonly RowBlockPartials weightPartials, biasPartials;
    readonly int batch;
    readonly SimdKernel[] totals;

    public LayerNormGradientKernel(
        WorkerPool pool, Matrix dy, Matrix x, float* weight, float* mean, float* inverseStd, Matrix addend, Matrix dx,
        float* dWeight, float* dBias, bool accumulateWeights)
        : base(pool, RowBlockPartials.Cut(x.Rows, x.Columns).Count, StreamingStores.Pay(dx, dy, x, addend))
    {
        (this.dy, this.x, this.addend, this.dx) = (dy, x, addend, dx);
        this.weight = weight;
        this.mean = mean;
        this.inverseStd = inverseStd;
        batch = NormBatch.Rows(x.Columns);
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

    // Results follow the sums of a batch; rows are read one after another, since memory answers long streams best.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run<T, TResult>(int task)
    {
        Tile tile = weightPartials.Tiles[task];
        float* dWeight_D = weightPartials.Clear(task), dBias_D = biasPartials.Clear(task);
        float* shifts = stackalloc float[NormBatch.Most], tilts = stackalloc float[NormBatch.Most];
        for (int first = tile.FirstRow; first < tile.EndRow; first += batch)
        {
            int count = Math.Min(batch, tile.EndRow - first);
            for (int i = 0; i < count; i++)
            {
                int n = first + i;
                (float sumOfU, float sumOfDot) = Sums<T>(dy.Row(n), x.Row(n), weight, mean[n], TResult.Streams ? null : dx.Row(n), tile.Count);
                (shifts[i], tilts[i]) = (inverseStd[n] * (sumOfU / tile.Count), inverseStd[n] * (sumOfDot * inverseStd[n] / tile.Count));
            }

            for (int i = 0; i < count; i++)
            {
                int n = first + i, next = n + batch;
                Differentiate<T, TResult>(dy.Row(n), x.Row(n), weight, mean[n], inverseStd[n], shifts[i], tilts[i], addend.Data == null ? null : addend.Row(n), dx.Row(n), dWeight_D, dBias_D,
                    dy.Row(next), x.Row(next), tile.Count);
            }
        }
    }

    /// <summary>Σ u and Σ u ∘ (x − mean) of a row; on the way asks for the row at <paramref name="soon"/>, which will be written soon (null: none).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static (float U, float Dot) Sums<T>(float* dy, float* x, float* weight, float mean, float* soon, nint count) where T : struct, ISimd<T>
    {
        T center = T.Broadcast(mean), sum0 = T.Zero, sum1 = T.Zero, dot0 = T.Zero, dot1 = T.Zero;
        nint c = 0;
        for (; c <= count - 2 * T.Count; c += 2 * T.Count)
        {
            if (soon != null) Prefetch.Nearby(soon + c, 2 * T.Count);
            T u0 = T.Load(weight + c) * T.Load(dy + c), u1 = T.Load(weight + c + T.Count) * T.Load(dy + c + T.Count);
            sum0 += u0;
            sum1 += u1;
            dot0 = T.MultiplyAdd(u0, T.Load(x + c) - center, dot0);
            dot1 = T.MultiplyAdd(u1, T.Load(x + c + T.Count) - center, dot1);
        }

        for (; c < count; c += T.Count)
        {
            int rest = (int)(count - c);
            T u = Lanes.Load<T>(weight + c, rest) * Lanes.Load<T>(dy + c, rest);
            sum0 += u;
            dot0 = T.MultiplyAdd(u, Lanes.Load<T>(x + c, rest) - center, dot0);
        }

        return (T.Sum(sum0 + sum1), T.Sum(dot0 + dot1));
    }

    /// <summary>
    /// dx of a row, and its parts of dWeight and dBias added; shift and tilt are mean(u) and mean(u ∘ x̂), both times inverseStd. On the way asks
    /// for the next rows of dy and x.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Differentiate<T, TResult>(
        float* dy, float* x, float* weight, float mean, float inverse, float shift, float tilt, float* addend, float* dx, float* dWeight, float* dBias, float* nextDy, float* nextX, nint count)
        where T : struct, ISimd<T>
        where TResult : struct, IResult
    {
        T center = T.Broadcast(mean), scale = T.Broadcast(inverse), s = T.Broadcast(shift), t = T.Broadcast(tilt);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(nextDy + c);
            Prefetch.Register<T>(nextX + c);
            T gradient = T.Load(dy + c), normalised = (T.Load(x + c) - center) * scale;
            T.Store(T.MultiplyAdd(gradient, normalised, T.Load(dWeight + c)), dWeight + c);
            T.Store(gradient + T.Load(dBias + c), dBias + c);
            T result = scale * (T.Load(weight + c) * gradient) - T.MultiplyAdd(normalised, t, s);
            if (addend != null) result += T.Load(addend + c);
            TResult.Store(result, dx + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        T lastGradient = Lanes.Load<T>(dy + c, rest), lastNormalised = (Lanes.Load<T>(x + c, rest) - center) * scale;
        Lanes.Store(T.MultiplyAdd(lastGradient, lastNormalised, Lanes.Load<T>(dWeight + c, rest)), dWeight + c, rest);
        Lanes.Store(lastGradient + Lanes.Load<T>(dBias + c, rest), dBias + c, rest);
        T last = scale * (Lanes.Load<T>(weight + c, rest) * lastGradient) - T.MultiplyAdd(lastNormalised, t, s);
        if (addend != null) last += Lanes.Load<T>(addend + c, rest);
        Lanes.Store(last, dx + c, rest);
    }
}
