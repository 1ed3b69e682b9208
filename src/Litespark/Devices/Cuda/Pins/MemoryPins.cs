using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>Accesses, shared memory, packs, places of threads, barriers of a block, atomic operations.</summary>
internal static class MemoryPins
{
    const int Warp = 32;

    static readonly KernelVariant file = new("pins");

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        uint[] words = PinSet.Words(random, 4 * Warp);
        foreach (string wide in (string[])["load16", "load16_once", "store16"]) yield return new(wide, file, "pin_" + wide, new LaunchShape(1, Warp), words, words);
        foreach (string half in (string[])["load8", "store8"]) yield return new(half, file, "pin_" + half, new LaunchShape(1, Warp), words[..(2 * Warp)], words[..(2 * Warp)]);
        foreach (string element in (string[])["bf16", "float"])
            foreach (int vector in element == "bf16" ? (int[])[1, 4, 8] : [1, 2, 4, 8]) yield return Packs(random, element, vector);
        yield return SharedMemory(random);
        yield return Places(random);
        yield return Barriers(random);
        yield return Atomics(random);
    }

    static Pin Packs(Random random, string element, int vector)
    {
        bool isHalf = element == "bf16";
        int count = Warp * vector;
        uint[] elements = [.. Enumerable.Range(0, count).Select(_ => isHalf ? (uint)random.Next(0x7F80) : BitConverter.SingleToUInt32Bits(PinSet.AnyNumber(random)))];
        float[] numbers = [.. Enumerable.Range(0, count).Select(_ => PinSet.AnyNumber(random))];
        uint[] rounded = [.. numbers.Select(x => isHalf ? ConversionPins.BFloat16(x) : BitConverter.SingleToUInt32Bits(x))], stored = Stored(elements, isHalf);
        return new($"packs of {vector} {element}", new KernelVariant("pins_packs", $"ELEMENT={element}", $"VECTOR={vector}"), "pin_packs", new LaunchShape(1, Warp),
            [.. stored, .. PinSet.Words(numbers)], [.. stored, .. elements.Select(bits => isHalf ? bits << 16 : bits), .. Stored(rounded, isHalf)]);
    }

    /// <summary>Elements as they lie in memory.</summary>
    static uint[] Stored(uint[] elements, bool isHalf) => isHalf ? [.. elements.Chunk(2).Select(pair => pair[0] | pair[1] << 16)] : elements;

    static Pin SharedMemory(Random random)
    {
        const int Threads = 64, First = 33;
        uint[] words = PinSet.Words(random, Threads);
        uint[] back = [.. words.Reverse()];
        return new("SHARED_MEMORY, SHARED_ARRAY, __syncthreads", file, "pin_shared_memory", new LaunchShape(1, Threads, Threads * sizeof(uint)), words,
            [.. back, .. back.Select(word => word + 1), .. back.Select((word, i) => Threads - 1 - i < First ? word + 2 : 0), 0, 0]);
    }

    static Pin Places(Random random)
    {
        const int X = 2, Y = 3, Z = 2;
        uint offset = (uint)random.Next(16);
        IEnumerable<int> threads = Enumerable.Range(0, Warp);
        return new("threadIdx, blockIdx, blockDim, gridDim", file, "pin_places", new LaunchShape(X, Warp, GridY: Y, GridZ: Z), [offset],
            [.. from z in Enumerable.Range(0, Z)
                from y in Enumerable.Range(0, Y)
                from x in Enumerable.Range(0, X)
                from thread in threads
                select offset + (uint)(x << 24 | y << 20 | z << 16 | thread << 8 | X << 4 | Y << 2 | Z)]);
    }

    static Pin Barriers(Random random)
    {
        uint[] words = PinSet.Words(random, 4 * Warp);
        return new("barrier_sync, barrier_arrive", file, "pin_barriers", new LaunchShape(1, 4 * Warp), words,
            [.. words[Warp..(2 * Warp)], .. words[..Warp], .. new uint[Warp], .. words[(2 * Warp)..(3 * Warp)]]);
    }

    static Pin Atomics(Random random)
    {
        const int Threads = 96;
        uint[] words = [.. Enumerable.Range(0, 2 * Threads).Select(_ => (uint)random.Next(1 << 24))];
        uint[][] blocks = [words[..Threads], words[Threads..]];
        return new("atomicAdd, atomicMax", file, "pin_atomics", new LaunchShape(2, Threads), words,
            [.. blocks.Select(block => (uint)block.Sum(word => word)), .. blocks.Select(block => block.Max())]);
    }
}
