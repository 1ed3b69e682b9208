using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// What moving bytes costs at least: a copy of half as many bytes (read once, written once), by our own kernel, by the runtime's
/// memory copy (ordinary copies: the faster is the roof of kernels that store as usual), and by stores that go past the caches
/// (the roof of the memory itself, out of reach where a result is read again soon).
/// </summary>
internal sealed unsafe class CopyRoof : IDisposable
{
    const string StreamingName = "streaming stores";
    const int RowFloats = 1024, TaskBytes = 1 << 18;

    readonly WorkerPool pool;
    readonly BoundOp copy;
    readonly Chunks plain, streaming;

    /// <summary>A copy that moves about so many bytes in all.</summary>
    public CopyRoof(WorkerPool pool, double bytes)
    {
        this.pool = pool;
        var type = new TensorType(new Shape(Math.Max(1, (int)(bytes / 2 / RowFloats / sizeof(float))), RowFloats));
        copy = BoundOp.Create(pool, new Copy(), type);
        long length = type.Shape.Length * sizeof(float);
        plain = new Chunks((byte*)copy.InputAddress(0), (byte*)copy.OutputAddress(0), length, streams: false);
        streaming = new Chunks((byte*)copy.InputAddress(0), (byte*)copy.OutputAddress(0), length, streams: true);
    }

    /// <summary>Bytes that each of the copies moves.</summary>
    public double Bytes => copy.Bytes;

    /// <summary>Whether a side's stores go past the caches.</summary>
    public static bool Streams(Contender side) => side.Name == StreamingName;

    /// <summary>The ways to copy.</summary>
    public IEnumerable<Contender> Sides
    {
        get
        {
            yield return new("copy kernel", copy.Run);
            yield return new("memory copy", () => plain.Run(pool));
            if (Avx.IsSupported) yield return new(StreamingName, () => streaming.Run(pool));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => copy.Dispose();

    sealed class Chunks(byte* source, byte* target, long length, bool streams) : IParallelWork
    {
        public void Run(WorkerPool pool) => pool.Run(this, (int)((length + TaskBytes - 1) / TaskBytes));

        public void RunTask(int task, int worker)
        {
            long start = (long)task * TaskBytes, count = Math.Min(TaskBytes, length - start);
            if (streams) Stream(source + start, target + start, count);
            else Buffer.MemoryCopy(source + start, target + start, count, count);
        }

        /// <summary>A multiple of 128 bytes, both sides 32-byte aligned: rows of 4 KiB are.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static void Stream(byte* from, byte* to, long count)
        {
            for (long i = 0; i < count; i += 128)
            {
                Vector256<byte> a = Vector256.Load(from + i), b = Vector256.Load(from + i + 32), c = Vector256.Load(from + i + 64), d = Vector256.Load(from + i + 96);
                Avx.StoreAlignedNonTemporal(to + i, a);
                Avx.StoreAlignedNonTemporal(to + i + 32, b);
                Avx.StoreAlignedNonTemporal(to + i + 64, c);
                Avx.StoreAlignedNonTemporal(to + i + 96, d);
            }

            Sse.StoreFence();
        }
    }
}
