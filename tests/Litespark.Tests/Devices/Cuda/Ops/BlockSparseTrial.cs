using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>A grid of blocks, which of them are live, and memory of an emulated GPU for kernels over them.</summary>
internal sealed unsafe class BlockSparseTrial : IDisposable
{
    readonly EmulatedDriver driver;
    readonly KernelLibrary kernels;
    readonly CudaStream stream;
    readonly List<DeviceMemory> memory = [];
    readonly int[] rowStarts;
    readonly int blockColumns;
    readonly Random random;
    readonly nint topology;

    public BlockSparseTrial(int seed, int[] rowStarts, int columns, int blockColumns, IReadOnlyDictionary<string, string>? texts = null, int multiprocessors = 2)
    {
        (this.rowStarts, this.blockColumns, Columns, random) = (rowStarts, blockColumns, columns, new Random(seed));
        driver = new EmulatedDriver((uint)seed, multiprocessors);
        kernels = new KernelLibrary(driver, new EmulatedCompiler(texts));
        stream = new CudaStream(driver);
        Binding = new CudaBinding(kernels, 0, 0);
        Live = new bool[Count];
        topology = Put(new int[2 + RowBlocks + 1 + Count + ColumnBlocks + 1 + Count + RowBlocks + ColumnBlocks]);
        int alignment = rowStarts.Aggregate(0, (a, b) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(a, b));
        Grid = new BlocksOnGpu(Put(rowStarts), topology, RowBlocks, ColumnBlocks, rowStarts.Zip(rowStarts.Skip(1), (a, b) => b - a).Max(), blockColumns, columns, alignment);
        Rewrite(0.4);
    }

    public CudaBinding Binding { get; }

    public BlocksOnGpu Grid { get; }

    public int Rows => rowStarts[^1];

    public int Columns { get; }

    public int RowBlocks => rowStarts.Length - 1;

    public int ColumnBlocks => (Columns + blockColumns - 1) / blockColumns;

    public int Count => RowBlocks * ColumnBlocks;

    /// <summary>Live blocks, row by row.</summary>
    public bool[] Live { get; }

    /// <summary>Number of the block in which an element lies.</summary>
    public int Block(int row, int column) => (Array.FindLastIndex(rowStarts, start => start <= row)) * ColumnBlocks + column / blockColumns;

    public bool IsLive(int row, int column) => Live[Block(row, column)];

    /// <summary>Draws which blocks are live anew, and writes it where kernels read it.</summary>
    public void Rewrite(double density, bool denseGradients = false)
    {
        for (int i = 0; i < Count; i++) Live[i] = random.NextDouble() < density;
        int[] blocks = [.. Enumerable.Range(0, Count).Where(i => Live[i])];
        int Below(int rows) => blocks.Count(i => i / ColumnBlocks < rows);
        int Left(int columns) => blocks.Count(i => i % ColumnBlocks < columns);
        IEnumerable<int> Room(IEnumerable<int> list) => list.Concat(Enumerable.Repeat(int.MaxValue, Count - blocks.Length)); // what lies behind the list is not to be read
        Write(topology, new[] { denseGradients ? 1 : 0, blocks.Length }
            .Concat(Enumerable.Range(0, RowBlocks + 1).Select(Below)).Concat(Room(blocks.Select(i => i % ColumnBlocks)))
            .Concat(Enumerable.Range(0, ColumnBlocks + 1).Select(Left)).Concat(Room(blocks.OrderBy(i => i % ColumnBlocks).ThenBy(i => i / ColumnBlocks).Select(i => i / ColumnBlocks)))
            .Concat(Enumerable.Range(0, RowBlocks).OrderByDescending(row => blocks.Count(i => i / ColumnBlocks == row)))
            .Concat(Enumerable.Range(0, ColumnBlocks).OrderByDescending(column => blocks.Count(i => i % ColumnBlocks == column))).ToArray());
    }

    /// <summary>Random numbers as bf16 holds them.</summary>
    public float[] Numbers(int length) => [.. Enumerable.Range(0, length).Select(_ => TrialTensor.Round(2 * random.NextSingle() - 1, DataType.BFloat16))];

    /// <summary>A weight whose dead blocks are zero.</summary>
    public float[] Weight()
    {
        float[] values = Numbers(Rows * Columns);
        for (int i = 0; i < values.Length; i++)
            if (!IsLive(i / Columns, i % Columns)) values[i] = 0;
        return values;
    }

    /// <summary>Puts a matrix into memory, its rows `stride` elements apart, not-a-numbers between.</summary>
    public GemmMatrix Matrix(float[] values, int columns, DataType type, int gap = 0, int shift = 0)
    {
        int stride = columns + gap, rows = values.Length / columns;
        float[] all = new float[shift + rows * stride];
        Array.Fill(all, float.NaN);
        for (int i = 0; i < values.Length; i++) all[shift + i / columns * stride + i % columns] = values[i];
        nint address = type == DataType.BFloat16 ? Put(all.Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16)).ToArray()) : Put(all);
        return new GemmMatrix(address + shift * type.Size(), type, stride);
    }

    public float[] Read(GemmMatrix matrix, int rows, int columns)
    {
        int size = matrix.Type.Size(), count = (int)((rows - 1) * matrix.Stride) + columns;
        byte[] bytes = Get(matrix.Address, count * size);
        float At(int i) => matrix.Type == DataType.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, i * size) << 16) : BitConverter.ToSingle(bytes, i * size);
        return [.. from r in Enumerable.Range(0, rows) from c in Enumerable.Range(0, columns) select At((int)(r * matrix.Stride) + c)];
    }

    public nint Put<T>(T[] values) where T : unmanaged
    {
        memory.Add(new DeviceMemory(driver, values.Length * sizeof(T)));
        Write(memory[^1].Value, values);
        return memory[^1].Value;
    }

    /// <summary>Runs a call.</summary>
    public void Run(ICudaCall call)
    {
        call.Enqueue(stream.Value);
        stream.Synchronize();
    }

    /// <summary>Records a call.</summary>
    public CudaGraph Record(ICudaCall call)
    {
        driver.BeginCapture(stream.Value);
        call.Enqueue(stream.Value);
        return new CudaGraph(driver, driver.EndCapture(stream.Value));
    }

    public void Launch(CudaGraph graph)
    {
        driver.LaunchGraph(graph.Value, stream.Value);
        stream.Synchronize();
    }

    public static void AssertClose(string what, double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i])))) Assert.Fail($"{what} [{i}]: {actual[i]}, should be {expected[i]}");
    }

    public void Dispose()
    {
        Binding.Dispose();
        foreach (DeviceMemory block in memory) block.Dispose();
        stream.Dispose();
        kernels.Dispose();
        driver.Dispose();
    }

    void Write<T>(nint address, T[] values) where T : unmanaged
    {
        using var host = new PinnedMemory(driver, values.Length * sizeof(T));
        MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(new Span<byte>((void*)host.Value, values.Length * sizeof(T)));
        driver.CopyToDevice(address, host.Value, values.Length * sizeof(T), stream.Value);
        stream.Synchronize();
    }

    byte[] Get(nint address, int bytes)
    {
        using var host = new PinnedMemory(driver, bytes);
        driver.CopyToHost(host.Value, address, bytes, stream.Value);
        stream.Synchronize();
        return new ReadOnlySpan<byte>((void*)host.Value, bytes).ToArray();
    }
}
