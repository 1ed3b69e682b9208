using System.Runtime.CompilerServices;
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
    public static void Map<T, TOperator>(float* x, float* y, float* z, int count)
        where T : struct, ISimd<T> where TOperator : struct, IBinaryOperator
    {
        for (int i = 0; i < count; i += T.Count)
            Lanes.Store(TOperator.Apply(Lanes.Load<T>(x + i, count - i), Lanes.Load<T>(y + i, count - i)), z + i, count - i);
    }

    /// <summary>z[i] = x[i] + y[i].</summary>
    public static void Add<T>(float* x, float* y, float* z, int count) where T : struct, ISimd<T> => Map<T, AddOperator>(x, y, z, count);

    /// <summary>y[i] = factor · x[i].</summary>
    public static void Scale<T>(float* x, float factor, float* y, int count) where T : struct, ISimd<T>
    {
        T scale = T.Broadcast(factor);
        for (int i = 0; i < count; i += T.Count) Lanes.Store(scale * Lanes.Load<T>(x + i, count - i), y + i, count - i);
    }

    /// <summary>y[i] = x[i].</summary>
    public static void Copy(float* x, float* y, int count) => new ReadOnlySpan<float>(x, count).CopyTo(new(y, count));
}
