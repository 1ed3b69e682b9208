using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>z = f(x, y), lane by lane.</summary>
internal interface IBinaryOperator
{
    static abstract T Apply<T>(T x, T y) where T : struct, ISimd<T>;
}

/// <summary>a + b.</summary>
internal readonly struct AddOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y) where T : struct, ISimd<T> => x + y;
}

/// <summary>a · b.</summary>
internal readonly struct MultiplyOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y) where T : struct, ISimd<T> => x * y;
}

/// <summary>Loops over contiguous elements; the output may be one of the inputs.</summary>
internal static unsafe class Elementwise
{
    /// <summary>z[i] = f(x[i], y[i]).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Map<T, TOperator>(float* x, float* y, float* z, nint count)
        where T : struct, ISimd<T> where TOperator : struct, IBinaryOperator
    {
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            T.Store(TOperator.Apply(T.Load(x + i), T.Load(y + i)), z + i);
            T.Store(TOperator.Apply(T.Load(x + i + T.Count), T.Load(y + i + T.Count)), z + i + T.Count);
        }

        for (; i < count; i += T.Count)
        {
            int rest = (int)(count - i);
            Lanes.Store(TOperator.Apply(Lanes.Load<T>(x + i, rest), Lanes.Load<T>(y + i, rest)), z + i, rest);
        }
    }

    /// <summary>z[i] = x[i] + y[i].</summary>
    public static void Add<T>(float* x, float* y, float* z, int count) where T : struct, ISimd<T> => Map<T, AddOperator>(x, y, z, count);

    /// <summary>y[i] = factor · x[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Scale<T>(float* x, float factor, float* y, nint count) where T : struct, ISimd<T>
    {
        T scale = T.Broadcast(factor);
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            T.Store(scale * T.Load(x + i), y + i);
            T.Store(scale * T.Load(x + i + T.Count), y + i + T.Count);
        }

        for (; i < count; i += T.Count) Lanes.Store(scale * Lanes.Load<T>(x + i, (int)(count - i)), y + i, (int)(count - i));
    }

    /// <summary>y[i] = x[i]; on the way asks for the row at <paramref name="next"/>, which will be read soon and may lie anywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void CopyRow<T, TResult>(float* x, float* y, float* next, nint count) where T : struct, ISimd<T> where TResult : struct, IResult
    {
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            Prefetch.Nearby(next + i, 2 * T.Count);
            T first = T.Load(x + i), second = T.Load(x + i + T.Count);
            TResult.Store(first, y + i);
            TResult.Store(second, y + i + T.Count);
        }

        for (; i <= count - T.Count; i += T.Count) TResult.Store(T.Load(x + i), y + i);
        if (i < count) Lanes.Store(Lanes.Load<T>(x + i, (int)(count - i)), y + i, (int)(count - i));
    }

    /// <summary>y[i] = 0; with <paramref name="streams"/> by stores that go past the caches and need not read first what they replace.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Clear(float* y, nint count, bool streams)
    {
        const int Alignment = 32, Step = Alignment / sizeof(float);
        float* end = y + count;
        if (streams)
        {
            for (; y < end && (nint)y % Alignment != 0; y++) *y = 0;
            for (; y <= end - Step; y += Step) Vector256.StoreAlignedNonTemporal(Vector256<float>.Zero, y);

            // Such stores may be seen late: whoever is told that this task is done must see them.
            if (Sse.IsSupported) Sse.StoreFence();
            else Thread.MemoryBarrier();
        }

        new Span<float>(y, (int)(end - y)).Clear();
    }

    /// <summary>y[i] = x[i].</summary>
    public static void Copy(float* x, float* y, int count) => new ReadOnlySpan<float>(x, count).CopyTo(new(y, count));
}
