using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The operation of a <see cref="BinaryKernel"/>.</summary>
internal enum BinaryKind
{
    /// <summary>a + b.</summary>
    Add,

    /// <summary>a · b.</summary>
    Multiply,
}

/// <summary>y = a + b or y = a ∘ b; y may be a or b.</summary>
internal sealed unsafe class BinaryKernel(WorkerPool pool, BinaryKind kind, Matrix a, Matrix b, Matrix y)
    : SimdKernel(pool, Tiling.Elements(a.Rows, a.Columns).Count)
{
    readonly Tiling tiles = Tiling.Elements(a.Rows, a.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        if (kind == BinaryKind.Add) Apply<T, AddOperator>(tiles[task]);
        else Apply<T, MultiplyOperator>(tiles[task]);
    }

    void Apply<T, TOperator>(Tile tile) where T : struct, ISimd<T> where TOperator : struct, IBinaryOperator
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
            Elementwise.Map<T, TOperator>(a.Row(r) + tile.Column, b.Row(r) + tile.Column, y.Row(r) + tile.Column, tile.Count);
    }
}
