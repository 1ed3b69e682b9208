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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = partials.Tiles[task];
        float* dWeight_G = partials.Clear(task);
        // Rows in pairs: the sums of one do not wait for the other's, and the weight's gradient comes and goes once for both.
        for (int n = tile.FirstRow; n < tile.EndRow; n += 2)
        {
            bool paired = n + 1 < tile.EndRow;
            for (int group = 0; group < groups; group++)
            {
                Row first = Begin<T>(n, group);
                if (paired) Pair<T>(first, Begin<T>(n + 1, group), weight, dWeight_G, groupSize);
                else Single<T>(first, weight, dWeight_G, 0, groupSize);
            }
        }
    }

    /// <summary>What a group of a row is made of.</summary>
    readonly ref struct Row(float* dy, float* x, float* addend, float* dx, float inverse, float mean)
    {
        public readonly float* Dy = dy, X = x, Addend = addend, Dx = dx;

        /// <summary>inverseRms; mean(u ∘ x̂).</summary>
        public readonly float Inverse = inverse, Mean = mean;
    }

    /// <summary>Finds the mean of a group of row n.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Row Begin<T>(int n, int group) where T : struct, ISimd<T>
    {
        int column = group * groupSize;
        float* dy_G = dy.Row(n) + column, x_G = x.Row(n) + column, dx_G = dx.Row(n) + column;
        float inverse = inverseRms[(nint)n * groups + group];
        float mean = RowSums.TripleDot<T>(weight, dy_G, x_G, dx_G, groupSize) * inverse / groupSize;
        return new(dy_G, x_G, addend.Data == null ? null : addend.Row(n) + column, dx_G, inverse, mean);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Pair<T>(in Row first, in Row second, float* weight, float* dWeight, nint count) where T : struct, ISimd<T>
    {
        float* dy0 = first.Dy, x0 = first.X, dx0 = first.Dx, addend0 = first.Addend;
        float* dy1 = second.Dy, x1 = second.X, dx1 = second.Dx, addend1 = second.Addend;
        T scale0 = T.Broadcast(first.Inverse), tilt0 = T.Broadcast(first.Inverse * first.Mean);
        T scale1 = T.Broadcast(second.Inverse), tilt1 = T.Broadcast(second.Inverse * second.Mean);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            T w = T.Load(weight + c), gradient0 = T.Load(dy0 + c), gradient1 = T.Load(dy1 + c);
            T normalised0 = scale0 * T.Load(x0 + c), normalised1 = scale1 * T.Load(x1 + c);
            T.Store(T.MultiplyAdd(gradient1, normalised1, T.MultiplyAdd(gradient0, normalised0, T.Load(dWeight + c))), dWeight + c);
            T result0 = scale0 * (w * gradient0) - normalised0 * tilt0, result1 = scale1 * (w * gradient1) - normalised1 * tilt1;
            if (addend0 != null)
            {
                result0 += T.Load(addend0 + c);
                result1 += T.Load(addend1 + c);
            }

            T.Store(result0, dx0 + c);
            T.Store(result1, dx1 + c);
        }

        if (c == count) return;
        Single<T>(first, weight, dWeight, c, count);
        Single<T>(second, weight, dWeight, c, count);
    }

    /// <summary>The columns from c on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Single<T>(in Row row, float* weight, float* dWeight, nint c, nint count) where T : struct, ISimd<T>
    {
        float* dy = row.Dy, x = row.X, dx = row.Dx, addend = row.Addend;
        T scale = T.Broadcast(row.Inverse), tilt = T.Broadcast(row.Inverse * row.Mean);
        for (; c < count; c += T.Count)
        {
            int rest = (int)(count - c);
            T gradient = Lanes.Load<T>(dy + c, rest), normalised = scale * Lanes.Load<T>(x + c, rest);
            Lanes.Store(T.MultiplyAdd(gradient, normalised, Lanes.Load<T>(dWeight + c, rest)), dWeight + c, rest);
            T result = scale * (Lanes.Load<T>(weight + c, rest) * gradient) - normalised * tilt;
            if (addend != null) result += Lanes.Load<T>(addend + c, rest);
            Lanes.Store(result, dx + c, rest);
        }
    }
}
