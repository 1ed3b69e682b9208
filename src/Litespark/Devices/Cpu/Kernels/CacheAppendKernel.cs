namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Copies the keys and values of new tokens into the rows of a cache at their positions.</summary>
internal sealed unsafe class CacheAppendKernel : CpuKernel, IParallelWork
{
    const int FloatsPerTask = 1 << 14;

    readonly Matrix k, v, keyCache, valueCache;
    readonly int* positions;
    readonly int rowsPerTask;

    /// <summary>
    /// k, v [M, KV·head_dim], caches [capacity, KV·head_dim]; positions [M], different from each other, read on every run.
    /// </summary>
    public CacheAppendKernel(Matrix k, Matrix v, Matrix keyCache, Matrix valueCache, int* positions)
    {
        if (v.Rows != k.Rows || v.Columns != k.Columns || keyCache.Columns != k.Columns || valueCache.Columns != k.Columns
            || keyCache.Rows != valueCache.Rows)
        {
            throw new ArgumentException($"Keys [{k.Rows}, {k.Columns}] and values [{v.Rows}, {v.Columns}] do not go into caches "
                + $"[{keyCache.Rows}, {keyCache.Columns}] and [{valueCache.Rows}, {valueCache.Columns}].", nameof(k));
        }
        (this.k, this.v, this.keyCache, this.valueCache) = (k, v, keyCache, valueCache);
        this.positions = positions;
        rowsPerTask = Math.Max(1, FloatsPerTask / k.Columns);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A position is not in the cache; nothing is written then.</exception>
    public override void Run(WorkerPool pool)
    {
        CachePositions.Last(positions, k.Rows, keyCache.Rows);
        pool.Run(this, (k.Rows + rowsPerTask - 1) / rowsPerTask);
    }

    void IParallelWork.RunTask(int task, int worker)
    {
        long bytes = (long)k.Columns * sizeof(float);
        for (int row = task * rowsPerTask; row < Math.Min(k.Rows, (task + 1) * rowsPerTask); row++)
        {
            Buffer.MemoryCopy(k.Row(row), keyCache.Row(positions[row]), bytes, bytes);
            Buffer.MemoryCopy(v.Row(row), valueCache.Row(positions[row]), bytes, bytes);
        }
    }
}
