using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Litespark.Checkpoints;

/// <summary>
/// Reads tensors of a safetensors file one at a time, streamed through a small buffer: the file is never whole in memory,
/// and a file that shrinks meanwhile is an error, not a crash as with a memory map.
/// </summary>
internal sealed class SafetensorsReader : IDisposable
{
    const int ChunkBytes = 1 << 20;

    readonly SafeFileHandle _file;
    readonly Dictionary<string, SafetensorsEntry> _byName;

    SafetensorsReader(string path, SafeFileHandle file, IReadOnlyList<SafetensorsEntry> entries)
    {
        Path = path;
        _file = file;
        Entries = entries;
        _byName = entries.ToDictionary(entry => entry.Name);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="UserErrorException">The file cannot be read or is damaged: names the file and the tensor.</exception>
    public static SafetensorsReader Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            return new SafetensorsReader(path, file, SafetensorsHeader.Parse(ReadHeader(file, path), RandomAccess.GetLength(file), path));
        }
        catch (Exception cause)
        {
            file?.Dispose();
            if (cause is FileNotFoundException or DirectoryNotFoundException)
                throw new UserErrorException($"{path}: there is no such file.", cause);
            if (cause is IOException or UnauthorizedAccessException)
                throw new UserErrorException($"{path}: cannot be read: {cause.Message}", cause);
            throw;
        }
    }

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SafetensorsEntry? entry) => _byName.TryGetValue(name, out entry);

    /// <summary>Reads a tensor as fp32: F32 bit by bit, F16 and BF16 exactly, F64 rounded.</summary>
    /// <param name="name">A tensor of <see cref="Entries"/>.</param>
    /// <param name="destination">Exactly its length.</param>
    /// <exception cref="UserErrorException">The tensor is of a type that is no float of 16 to 64 bits, or the file became shorter.</exception>
    public void Read(string name, Span<float> destination)
    {
        SafetensorsEntry entry = _byName[name];
        if (entry.Dtype is not ("F32" or "F16" or "BF16" or "F64"))
            throw new UserErrorException($"{Path}: tensor {name} is of type {entry.Dtype}; F32, F16, BF16 and F64 can be read.");
        if (entry.Length != destination.Length)
            throw new ArgumentException($"Tensor {name} has {entry.Length} elements, not {destination.Length}.", nameof(destination));

        int elementSize = SafetensorsHeader.SizeOf(entry.Dtype)!.Value;
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            long offset = entry.Offset;
            while (destination.Length > 0)
            {
                int count = Math.Min(destination.Length, ChunkBytes / elementSize);
                Span<byte> bytes = chunk.AsSpan(0, count * elementSize);
                ReadExactly(_file, bytes, offset, Path, name);
                Convert(entry.Dtype, bytes, destination[..count]);
                destination = destination[count..];
                offset += bytes.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    static void Convert(string dtype, ReadOnlySpan<byte> bytes, Span<float> destination)
    {
        switch (dtype)
        {
            case "F32": TensorConversion.FromFloat32(bytes, destination); break;
            case "F16": TensorConversion.FromFloat16(bytes, destination); break;
            case "BF16": TensorConversion.FromBFloat16(bytes, destination); break;
            case "F64": TensorConversion.FromFloat64(bytes, destination); break;
        }
    }

    static byte[] ReadHeader(SafeFileHandle file, string path)
    {
        long fileLength = RandomAccess.GetLength(file);
        if (fileLength < SafetensorsHeader.LengthBytes)
            throw new UserErrorException($"{path}: has {fileLength} bytes, too few for a safetensors file; it is truncated or something else.");
        Span<byte> lengthBytes = stackalloc byte[SafetensorsHeader.LengthBytes];
        ReadExactly(file, lengthBytes, 0, path, "the header");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > (ulong)SafetensorsHeader.MaxLength)
            throw new UserErrorException($"{path}: its header claims {length} bytes, more than the format allows; the file is damaged or not of the safetensors format.");
        if (length > (ulong)(fileLength - SafetensorsHeader.LengthBytes))
            throw new UserErrorException($"{path}: truncated within the header: it takes {length} bytes, but the file has {fileLength}; copy or download it again.");
        byte[] header = new byte[length];
        ReadExactly(file, header, SafetensorsHeader.LengthBytes, path, "the header");
        return header;
    }

    static void ReadExactly(SafeFileHandle file, Span<byte> destination, long offset, string path, string part)
    {
        while (destination.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(file, destination, offset);
            }
            catch (IOException cause)
            {
                throw new UserErrorException($"{path}: {part} cannot be read: {cause.Message}", cause);
            }
            if (read == 0)
                throw new UserErrorException($"{path}: ends within {part}; the file became shorter while it was read.");
            destination = destination[read..];
            offset += read;
        }
    }
}
