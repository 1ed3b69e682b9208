// N tokens, K columns of one head, R rotated columns of a head
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rotary position embedding (Su et al., 2021) in the half-split convention of Hugging Face's Llama: in each head, columns i and
/// i + R/2 are turned by the angle whose cosine and sine are row positions[n], column i of the tables [positions, R/2];
/// columns from R on are copied. inverse turns back, which is the gradient. In place allowed; x may hold the heads of Q and of K
/// side by side.
/// </summary>
internal sealed unsafe class RopeKernel(
    WorkerPool pool, Matrix x, int* positions, float* cos, float* sin, Matrix y, int headDim, int rotaryDim, bool inverse)
    : ResultKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count,
        rotaryDim == headDim && StreamingStores.AreWholeLines(headDim / 2) && StreamingStores.Pay(y, x))
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);
    readonly int half = rotaryDim / 2;

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    protected override void Run<T, TResult>(int task)
    {
        Tile tile = tiles[task];
        bool copies = x.Data != y.Data && rotaryDim < headDim;
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* cos_R = cos + (nint)positions[n] * half, sin_R = sin + (nint)positions[n] * half;
            for (int column = 0; column < tile.Count; column += headDim)
            {
                float* x_K = x.Row(n) + column, y_K = y.Row(n) + column;
                if (inverse) Turn<T, TResult, Backward>(x_K, cos_R, sin_R, y_K, x.Row(n + 1) + column, half);
                else Turn<T, TResult, Forward>(x_K, cos_R, sin_R, y_K, x.Row(n + 1) + column, half);
                if (copies) Elementwise.Copy(x_K + rotaryDim, y_K + rotaryDim, headDim - rotaryDim);
            }
        }
    }

    /// <summary>Turns a head; on the way asks for the same head of the next token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn<T, TResult, TDirection>(float* x, float* cos, float* sin, float* y, float* next, nint half)
        where T : struct, ISimd<T> where TResult : struct, IResult where TDirection : struct, IDirection
    {
        nint i = WholeRegisters<T, TResult, TDirection>(x, cos, sin, y, next, 0, half);
        // Half of a head of 48 columns is a long register and a shorter one.
        if (T.Count > Simd256.Count) i = WholeRegisters<Simd256, CachedResult, TDirection>(x, cos, sin, y, next, i, half);

        int rest = (int)(half - i);
        if (rest == 0) return;
        T left = Lanes.Load<T>(x + i, rest), right = Lanes.Load<T>(x + half + i, rest);
        T cosine = Lanes.Load<T>(cos + i, rest), sine = TDirection.Sine(Lanes.Load<T>(sin + i, rest));
        Lanes.Store(left * cosine - right * sine, y + i, rest);
        Lanes.Store(T.MultiplyAdd(right, cosine, left * sine), y + half + i, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static nint WholeRegisters<T, TResult, TDirection>(float* x, float* cos, float* sin, float* y, float* next, nint i, nint half)
        where T : struct, ISimd<T> where TResult : struct, IResult where TDirection : struct, IDirection
    {
        for (; i <= half - T.Count; i += T.Count)
        {
            Prefetch.Register<T>(next + i);
            Prefetch.Register<T>(next + half + i);
            T first = T.Load(x + i), second = T.Load(x + half + i), c = T.Load(cos + i), s = TDirection.Sine(T.Load(sin + i));
            TResult.Store(first * c - second * s, y + i);
            TResult.Store(T.MultiplyAdd(second, c, first * s), y + half + i);
        }

        return i;
    }

    interface IDirection
    {
        static abstract T Sine<T>(T sine) where T : struct, ISimd<T>;
    }

    readonly struct Forward : IDirection
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Sine<T>(T sine) where T : struct, ISimd<T> => sine;
    }

    readonly struct Backward : IDirection
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Sine<T>(T sine) where T : struct, ISimd<T> => T.Zero - sine;
    }
}
