// N tokens, D columns, G columns of one group
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="RmsNormKernel"/>, x being what was normalised (the sum, where there was a residual).
/// With x̂ = x · inverseRms and u = weight ∘ dy: dx = inverseRms · (u − x̂ · mean(u ∘ x̂)) + addend, means over a group;
/// dWeight = Σ dy ∘ x̂ over rows and groups (null: not wanted). The addend is the gradient that reaches x by other ways
/// (the residual stream; Data null: none). dx may be dy, x or the addend.
/// </summary>
internal sealed unsafe class RmsNormGradientKernel : ResultKernel
{
    readonly Matrix dy, x, addend, dx;
    readonly float* weight, inverseRms;
    readonly int groupSize, groups, batch;
    readonly RowBlockPartials partials;
    readonly SimdKernel[] totals;

    public RmsNormGradientKernel(
        WorkerPool pool, Matrix dy, Matrix x, float* weight, float* inverseRms, Matrix addend, Matrix dx, float* dWeight,
        bool accumulateWeight, int groupSize)
        : base(pool, RowBlockPartials.Cut(x.Rows, x.Columns).Count, StreamingStores.AreWholeLines(groupSize) && StreamingStores.Pay(dx, dy, x, addend))
    {
        (this.dy, this.x, this.addend, this.dx) = (dy, x, addend, dx);
        this.weight = weight;
        this.inverseRms = inverseRms;
        (this.groupSize, groups) = (groupSize, x.Columns / groupSize);
        // The groups of a row are one long stream, one after the other.
        batch = groups == 1 ? NormBatch.Rows(groupSize) : 1;
        partials = new(pool, x.Rows, x.Columns, groupSize);
        totals = dWeight == null ? [] : [new ColumnTotals(pool, partials, dWeight, accumulateWeight)];
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
        Tile tile = partials.Tiles[task];
        float* dWeight_G = partials.Clear(task), means = stackalloc float[NormBatch.Most];
        for (int first = tile.FirstRow; first < tile.EndRow; first += batch)
        {
            int count = Math.Min(batch, tile.EndRow - first);
            if (groups > 1)
            {
                for (int group = 0; group < groups; group++) Differentiate<T, TResult>(first, group, Mean<T, TResult>(first, group), dWeight_G);
                continue;
            }

            for (int i = 0; i < count; i++) means[i] = Mean<T, TResult>(first + i, 0);
            for (int i = 0; i < count; i++) Differentiate<T, TResult>(first + i, 0, means[i], dWeight_G);
        }
    }

    /// <summary>mean(u ∘ x̂) of a group of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float Mean<T, TResult>(int n, int group) where T : struct, ISimd<T> where TResult : struct, IResult
    {
        int column = group * groupSize;
        return RowSums.TripleDot<T>(weight, dy.Row(n) + column, x.Row(n) + column, TResult.Streams ? null : dx.Row(n) + column, groupSize) * inverseRms[(nint)n * groups + group] / groupSize;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Differentiate<T, TResult>(int n, int group, float mean, float* dWeight_G) where T : struct, ISimd<T> where TResult : struct, IResult
    {
        int column = group * groupSize;
        Differentiate<T, TResult>(dy.Row(n) + column, x.Row(n) + column, weight, inverseRms[(nint)n * groups + group], mean, addend.Data == null ? null : addend.Row(n) + column,
            dx.Row(n) + column, dWeight_G, dy.Row(n + batch) + column, x.Row(n + batch) + column, groupSize);
    }

    /// <summary>A group of a row: dx, and its part of dWeight added; the mean is that of u ∘ x̂. On the way asks for what is read next of dy and x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Differentiate<T, TResult>(float* dy, float* x, float* weight, float inverse, float mean, float* addend, float* dx, float* dWeight, float* nextDy, float* nextX, nint count)
        where T : struct, ISimd<T>
        where TResult : struct, IResult
    {
        T scale = T.Broadcast(inverse), tilt = T.Broadcast(inverse * mean);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(nextDy + c);
            Prefetch.Register<T>(nextX + c);
            T gradient = T.Load(dy + c), normalised = scale * T.Load(x + c);
            T.Store(T.MultiplyAdd(gradient, normalised, T.Load(dWeight + c)), dWeight + c);
            T result = scale * (T.Load(weight + c) * gradient) - normalised * tilt;
            if (addend != null) result += T.Load(addend + c);
            TResult.Store(result, dx + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        T lastGradient = Lanes.Load<T>(dy + c, rest), lastNormalised = scale * Lanes.Load<T>(x + c, rest);
        Lanes.Store(T.MultiplyAdd(lastGradient, lastNormalised, Lanes.Load<T>(dWeight + c, rest)), dWeight + c, rest);
        T last = scale * (Lanes.Load<T>(weight + c, rest) * lastGradient) - lastNormalised * tilt;
        if (addend != null) last += Lanes.Load<T>(addend + c, rest);
        Lanes.Store(last, dx + c, rest);
    }
}
