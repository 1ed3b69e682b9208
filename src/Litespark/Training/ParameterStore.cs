using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Litespark.Checkpoints;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Training;

/// <summary>
/// Tensors of a loaded program by canonical name, whatever rows of whatever packed parameter they lie in:
/// the weights, or optimiser state that has the weights' shapes. To the outside all are float32: of weights that are kept in two
/// element types the float32 ones are read, and both are written.
/// </summary>
public sealed class ParameterStore : ITensorStore
{
    const int ChunkElements = 1 << 20;

    readonly ILoadedProgram program;
    readonly Dictionary<string, (PersistentTensor Tensor, CanonicalParameter Parameter)> places = [];

    ParameterStore(ILoadedProgram program) => this.program = program;

    /// <inheritdoc/>
    public IReadOnlyList<TensorInfo> Tensors { get; private set; } = [];

    /// <summary>The weights under their canonical names.</summary>
    public static ParameterStore Weights(ILoadedProgram program)
        => new ParameterStore(program).Add("", parameter => parameter.Master ?? parameter.Weight);

    /// <summary>The gradients under <c>grad.NAME</c>.</summary>
    public static ParameterStore Gradients(ILoadedProgram program)
        => new ParameterStore(program).Add("grad.", parameter => parameter.Gradient);

    /// <summary>The optimiser's moments under <c>optimizer.m.NAME</c> and <c>optimizer.v.NAME</c>.</summary>
    public static ParameterStore OptimizerState(ILoadedProgram program)
        => new ParameterStore(program).Add("optimizer.m.", parameter => parameter.FirstMoment).Add("optimizer.v.", parameter => parameter.SecondMoment);

    /// <inheritdoc/>
    public void Read(string name, Span<float> destination)
    {
        (PersistentTensor tensor, CanonicalParameter parameter) = Place(name, destination.Length);
        if (tensor.Type.DataType == DataType.Float32) program.Read(tensor, parameter.FirstElement, destination);
        else ReadRounded(tensor, parameter.FirstElement, destination);
    }

    /// <inheritdoc/>
    public void Write(string name, ReadOnlySpan<float> source)
    {
        (PersistentTensor tensor, CanonicalParameter parameter) = Place(name, source.Length);
        Write(tensor, parameter, 0, source);
    }

    /// <summary>
    /// Draws the initial weights. Each tensor has a random stream of its own, from the seed and its name, so that the
    /// weights don't depend on the plan, on the order of construction or on other tensors.
    /// </summary>
    public static void Initialize(ILoadedProgram program, long seed) => Initialize(program, seed, ChunkElements);

    /// <summary>The same, in pieces of so many elements at most.</summary>
    internal static void Initialize(ILoadedProgram program, long seed, int pieceElements)
    {
        ParameterStore weights = Weights(program);
        IReadOnlyList<CanonicalParameter> all = program.Program.Parameters.Canonical;
        int longest = (int)Math.Min(pieceElements, all.Select(parameter => parameter.Shape.Length).DefaultIfEmpty().Max());
        try
        {
            // Each parameter has a stream of its own: several at once give the same numbers. A piece is written while others are drawn.
            Parallel.ForEach(
                Partitioner.Create(all, EnumerablePartitionerOptions.NoBuffering),
                () => ArrayPool<float>.Shared.Rent(longest),
                (parameter, _, piece) =>
                {
                    weights.Draw(parameter, seed, piece.AsSpan(0, longest));
                    return piece;
                },
                piece => ArrayPool<float>.Shared.Return(piece));
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]); // what happened, not that it happened on several threads
        }
    }

    /// <summary>Draws and writes a parameter piece by piece: the whole of a large one may be as much memory as a plan has spared.</summary>
    void Draw(CanonicalParameter parameter, long seed, Span<float> piece)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{parameter.Name}"));
        var random = new GaussianStream(MemoryMarshal.Read<ulong>(hash));
        (double mean, double deviation) = (parameter.Initializer.Mean, parameter.Initializer.StandardDeviation);
        PersistentTensor tensor = places[parameter.Name].Tensor;
        for (long start = 0; start < parameter.Shape.Length; start += piece.Length)
        {
            Span<float> values = piece[..(int)Math.Min(piece.Length, parameter.Shape.Length - start)];
            if (deviation == 0) values.Fill((float)mean);
            else foreach (ref float value in values) value = (float)(mean + deviation * random.Next());
            lock (places) Write(tensor, parameter, start, values);
        }
    }

    void ReadRounded(PersistentTensor tensor, long first, Span<float> destination)
    {
        var bytes = new byte[2 * Math.Min(destination.Length, ChunkElements)];
        for (int start = 0; start < destination.Length; start += ChunkElements)
        {
            Span<float> part = destination.Slice(start, Math.Min(ChunkElements, destination.Length - start));
            program.Read(tensor, first + start, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan(0, 2 * part.Length)));
            TensorConversion.FromBFloat16(bytes.AsSpan(0, 2 * part.Length), part);
        }
    }

    /// <summary>Writes the elements of a parameter that begin with number <paramref name="start"/>.</summary>
    void Write(PersistentTensor tensor, CanonicalParameter parameter, long start, ReadOnlySpan<float> source)
    {
        long first = parameter.FirstElement + start;
        if (tensor.Type.DataType == DataType.Float32) program.Write(tensor, first, source);
        else WriteRounded(tensor, first, source);
        if (tensor == parameter.Stored.Master) WriteRounded(parameter.Stored.Weight, first, source);
    }

    void WriteRounded(PersistentTensor tensor, long first, ReadOnlySpan<float> source)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(2 * Math.Min(source.Length, ChunkElements));
        for (int start = 0; start < source.Length; start += ChunkElements)
        {
            ReadOnlySpan<float> part = source.Slice(start, Math.Min(ChunkElements, source.Length - start));
            TensorConversion.ToBFloat16(part, bytes.AsSpan(0, 2 * part.Length));
            program.Write<ushort>(tensor, first + start, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan(0, 2 * part.Length)));
        }

        ArrayPool<byte>.Shared.Return(bytes);
    }

    ParameterStore Add(string prefix, Func<StoredParameter, PersistentTensor?> select)
    {
        var tensors = new List<TensorInfo>(Tensors);
        foreach (CanonicalParameter parameter in program.Program.Parameters.Canonical)
        {
            if (select(parameter.Stored) is not { } tensor) continue;
            places[prefix + parameter.Name] = (tensor, parameter);
            tensors.Add(new TensorInfo(prefix + parameter.Name, parameter.Shape.Dimensions));
        }

        Tensors = tensors;
        return this;
    }

    (PersistentTensor Tensor, CanonicalParameter Parameter) Place(string name, int length)
    {
        if (!places.TryGetValue(name, out (PersistentTensor Tensor, CanonicalParameter Parameter) place)) throw new KeyNotFoundException($"no tensor is called {name}");
        if (place.Parameter.Shape.Length != length) throw new ArgumentException($"{name} has {place.Parameter.Shape.Length} elements, not {length}");
        return place;
    }
}
