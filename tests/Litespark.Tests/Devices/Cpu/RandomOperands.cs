using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu;

/// <summary>Reproducible operands in native memory, freed together.</summary>
internal sealed unsafe class RandomOperands(int seed) : IDisposable
{
    readonly Random random = new(seed);
    readonly List<NativeBuffer> buffers = [];

    /// <summary>Uniform in [-1, 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* Floats(long count)
    {
        float* p = Zeros(count);
        for (long i = 0; i < count; i++) p[i] = random.NextSingle() * 2 - 1;
        return p;
    }

    public float* Zeros(long count)
    {
        var buffer = new NativeBuffer(count * sizeof(float));
        buffers.Add(buffer);
        return buffer.Floats;
    }

    public float* Copy(float* source, long count)
    {
        float* p = Zeros(count);
        Buffer.MemoryCopy(source, p, count * sizeof(float), count * sizeof(float));
        return p;
    }

    /// <summary>A random matrix whose rows lie <paramref name="gap"/> elements further apart than they are long.</summary>
    public Matrix Matrix(int rows, int columns, int gap) => new(Floats((long)rows * (columns + gap)), rows, columns, columns + gap);

    public void Dispose()
    {
        foreach (NativeBuffer buffer in buffers) buffer.Dispose();
    }
}
