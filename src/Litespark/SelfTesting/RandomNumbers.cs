using System.Numerics;
using System.Runtime.InteropServices;

namespace Litespark.SelfTesting;

/// <summary>
/// Standard normal numbers by a counter: each depends on the seed and on its place alone, so that any number of threads fill an array, in
/// vectors, with the same contents. Pairs of hashed counters become pairs of numbers (Box and Muller, 1958); the hash is "lowbias32" of
/// C. Wellons' search for 32-bit integer hashes with little bias (2018).
/// </summary>
internal static class RandomNumbers
{
    /// <summary>Numbers that are made together: half of them from cosines, half from sines of the same pairs.</summary>
    const int Block = 1024;

    const int BlocksPerTask = 64;

    /// <summary>Fills an array.</summary>
    public static void Normal(float[] values, uint seed)
    {
        int blocks = (values.Length + Block - 1) / Block, tasks = (blocks + BlocksPerTask - 1) / BlocksPerTask;
        Parallel.For(0, tasks, task =>
        {
            Span<float> made = stackalloc float[Block];
            for (int block = task * BlocksPerTask; block < Math.Min(blocks, (task + 1) * BlocksPerTask); block++)
            {
                Make(made, (uint)block * Block, Hash(new Vector<uint>(seed))[0]);
                Span<float> rest = values.AsSpan(block * Block);
                made[..Math.Min(rest.Length, Block)].CopyTo(rest);
            }
        });
    }

    static void Make(Span<float> block, uint counter, uint key)
    {
        const int Half = Block / 2;
        Span<Vector<float>> cosines = MemoryMarshal.Cast<float, Vector<float>>(block[..Half]), sines = MemoryMarshal.Cast<float, Vector<float>>(block[Half..]);
        Vector<uint> place = Vector<uint>.Indices + new Vector<uint>(counter);
        for (int i = 0; i < cosines.Length; i++)
        {
            Vector<float> radius = Vector.SquareRoot(-2 * Vector.Log(Uniform(Hash(Hash(place) ^ new Vector<uint>(key)))));
            (Vector<float> sine, Vector<float> cosine) = Vector.SinCos(2 * MathF.PI * Uniform(Hash(Hash(place + new Vector<uint>(Half)) ^ new Vector<uint>(key))));
            cosines[i] = radius * cosine;
            sines[i] = radius * sine;
            place += new Vector<uint>((uint)Vector<uint>.Count);
        }
    }

    static Vector<uint> Hash(Vector<uint> x)
    {
        x ^= x >>> 16;
        x *= 0x7FEB352Du;
        x ^= x >>> 15;
        x *= 0x846CA68Bu;
        return x ^ (x >>> 16);
    }

    /// <summary>Above 0, at most 1, in steps of 2⁻²⁴.</summary>
    static Vector<float> Uniform(Vector<uint> bits) => (Vector.ConvertToSingle(Vector.AsVectorInt32(bits >>> 8)) + Vector<float>.One) * (1f / (1 << 24));
}
