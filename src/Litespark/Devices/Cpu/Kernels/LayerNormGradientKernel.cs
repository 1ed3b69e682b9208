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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = weightPartials.Tiles[task];
        float* dWeight_D = weightPartials.Clear(task), dBias_D = biasPartials.Clear(task);
        // Rows in pairs: the sums of one do not wait for the other's, and the parameters' gradients come and go once for both.
        for (int n = tile.FirstRow; n < tile.EndRow; n += 2)
        {
            Row first = Begin<T>(n);
            if (n + 1 < tile.EndRow) Pair<T>(first, Begin<T>(n + 1), weight, dWeight_D, dBias_D, dy.Stride, x.Stride, tile.Count);
            else Single<T>(first, weight, dWeight_D, dBias_D, 0, tile.Count);
        }
    }

    /// <summary>What a row is made of.</summary>
    readonly ref struct Row(float* dy, float* x, float* addend, float* dx, float mean, float inverse, float meanOfU, float meanOfDot)
    {
        public readonly float* Dy = dy, X = x, Addend = addend, Dx = dx;

        /// <summary>mean; inverseStd; mean(u) and mean(u ∘ x̂), both times inverseStd.</summary>
        public readonly float Mean = mean, Inverse = inverse, Shift = inverse * meanOfU, Tilt = inverse * meanOfDot;
    }

    /// <summary>Finds the means of row n.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Row Begin<T>(int n) where T : struct, ISimd<T>
    {
        int columns = x.Columns;
        (float sumOfU, float sumOfDot) = Sums<T>(dy.Row(n), x.Row(n), weight, mean[n], columns);
        float* addend_D = addend.Data == null ? null : addend.Row(n);
        return new(dy.Row(n), x.Row(n), addend_D, dx.Row(n), mean[n], inverseStd[n], sumOfU / columns, sumOfDot * inverseStd[n] / columns);
    }

    /// <summary>Σ u and Σ u ∘ (x − mean) of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static (float U, float Dot) Sums<T>(float* dy, float* x, float* weight, float mean, nint count) where T : struct, ISimd<T>
    {
        T center = T.Broadcast(mean), sum0 = T.Zero, sum1 = T.Zero, dot0 = T.Zero, dot1 = T.Zero;
        nint c = 0;
        for (; c <= count - 2 * T.Count; c += 2 * T.Count)
        {
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Pair<T>(in Row first, in Row second, float* weight, float* dWeight, float* dBias, nint dyStride, nint xStride, nint count)
        where T : struct, ISimd<T>
    {
        float* dy0 = first.Dy, x0 = first.X, dx0 = first.Dx, addend0 = first.Addend;
        float* dy1 = second.Dy, x1 = second.X, dx1 = second.Dx, addend1 = second.Addend;
        T center0 = T.Broadcast(first.Mean), scale0 = T.Broadcast(first.Inverse), shift0 = T.Broadcast(first.Shift), tilt0 = T.Broadcast(first.Tilt);
        T center1 = T.Broadcast(second.Mean), scale1 = T.Broadcast(second.Inverse), shift1 = T.Broadcast(second.Shift), tilt1 = T.Broadcast(second.Tilt);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            // The next pair is asked for on the way.
            Prefetch.Register<T>(dy1 + dyStride + c);
            Prefetch.Register<T>(dy1 + 2 * dyStride + c);
            Prefetch.Register<T>(x1 + xStride + c);
            Prefetch.Register<T>(x1 + 2 * xStride + c);
            T w = T.Load(weight + c), gradient0 = T.Load(dy0 + c), gradient1 = T.Load(dy1 + c);
            T normalised0 = (T.Load(x0 + c) - center0) * scale0, normalised1 = (T.Load(x1 + c) - center1) * scale1;
            T.Store(T.MultiplyAdd(gradient1, normalised1, T.MultiplyAdd(gradient0, normalised0, T.Load(dWeight + c))), dWeight + c);
            T.Store(gradient1 + (gradient0 + T.Load(dBias + c)), dBias + c);
            T result0 = scale0 * (w * gradient0) - T.MultiplyAdd(normalised0, tilt0, shift0);
            T result1 = scale1 * (w * gradient1) - T.MultiplyAdd(normalised1, tilt1, shift1);
            if (addend0 != null)
            {
                result0 += T.Load(addend0 + c);
                result1 += T.Load(addend1 + c);
            }

            T.Store(result0, dx0 + c);
            T.Store(result1, dx1 + c);
        }

        if (c == count) return;
        Single<T>(first, weight, dWeight, dBias, c, count);
        Single<T>(second, weight, dWeight, dBias, c, count);
    }

    /// <summary>The columns from c on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Single<T>(in Row row, float* weight, float* dWeight, float* dBias, nint c, nint count) where T : struct, ISimd<T>
    {
        float* dy = row.Dy, x = row.X, dx = row.Dx, addend = row.Addend;
        T center = T.Broadcast(row.Mean), scale = T.Broadcast(row.Inverse), shift = T.Broadcast(row.Shift), tilt = T.Broadcast(row.Tilt);
        for (; c < count; c += T.Count)
        {
            int rest = (int)(count - c);
            T gradient = Lanes.Load<T>(dy + c, rest), normalised = (Lanes.Load<T>(x + c, rest) - center) * scale;
            Lanes.Store(T.MultiplyAdd(gradient, normalised, Lanes.Load<T>(dWeight + c, rest)), dWeight + c, rest);
            Lanes.Store(gradient + Lanes.Load<T>(dBias + c, rest), dBias + c, rest);
            T result = scale * (Lanes.Load<T>(weight + c, rest) * gradient) - T.MultiplyAdd(normalised, tilt, shift);
            if (addend != null) result += Lanes.Load<T>(addend + c, rest);
            Lanes.Store(result, dx + c, rest);
        }
    }
}
