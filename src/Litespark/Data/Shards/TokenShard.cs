using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;

namespace Litespark.Data.Shards;

/// <summary>One token shard, memory-mapped: the system pages in what is read.</summary>
internal sealed unsafe class TokenShard : IDisposable
{
    readonly ShardHeader header;
    readonly MemoryMappedFile map;
    readonly MemoryMappedViewAccessor view;
    readonly byte* tokens;
    readonly long* tokenEnds;
    readonly long* textEnds;

    TokenShard(string path, ShardHeader header, MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        Path = path;
        this.header = header;
        this.map = map;
        this.view = view;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        tokens = start + view.PointerOffset + ShardHeader.Size;
        tokenEnds = (long*)(tokens + header.TokenSectionBytes);
        textEnds = tokenEnds + header.Documents;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What the header says.</summary>
    public ShardHeader Header => header;

    /// <summary>Opens a shard; <paramref name="verify"/> = read it all once and compare its checksum.</summary>
    /// <exception cref="UserErrorException">It cannot be read, is cut off, or is damaged.</exception>
    public static TokenShard Open(string path, bool verify)
    {
        MemoryMappedFile? map = null;
        try
        {
            ShardHeader header = Check(path, verify);
            map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            TokenShard shard = new(path, header, map, map.CreateViewAccessor(0, header.FileBytes, MemoryMappedFileAccess.Read));
            map = null; // The shard owns it now.
            return shard;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message}", e);
        }
        finally
        {
            map?.Dispose();
        }
    }

    /// <summary>Index of a document's first token.</summary>
    public long Start(long document) => document == 0 ? 0 : tokenEnds[document - 1];

    /// <summary>Index behind a document's end-of-text.</summary>
    public long End(long document) => tokenEnds[document];

    /// <summary>A document's bytes of text.</summary>
    public long TextBytes(long document) => textEnds[document] - (document == 0 ? 0 : textEnds[document - 1]);

    /// <summary>The token at <paramref name="index"/>.</summary>
    public int this[long index] => InVocabulary(header.TokenBytes == 2 ? ((ushort*)tokens)[index] : ((int*)tokens)[index], index);

    /// <summary>Copies tokens from <paramref name="index"/> on.</summary>
    /// <exception cref="UserErrorException">A token is outside the vocabulary: the shard is damaged.</exception>
    public void Read(long index, Span<int> destination)
    {
        if (index < 0 || index + destination.Length > header.Tokens)
            throw new UserErrorException($"{Path}: is damaged (its index points behind its end); prepare or copy the shard again.");
        if (header.TokenBytes == 2)
        {
            ushort* from = (ushort*)tokens + index;
            for (int i = 0; i < destination.Length; i++) destination[i] = InVocabulary(from[i], index + i);
        }
        else
        {
            int* from = (int*)tokens + index;
            for (int i = 0; i < destination.Length; i++) destination[i] = InVocabulary(from[i], index + i);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    static ShardHeader Check(string path, bool verify)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        byte[] bytes = new byte[ShardHeader.Size];
        ShardHeader header = ShardHeader.Parse(bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)), path);
        if (file.Length != header.FileBytes)
            throw new UserErrorException($"{path}: is cut off or damaged: {file.Length} bytes long where {header.FileBytes} are expected; prepare or copy the shard again.");
        if (!verify) return header;
        // Read rather than mapped: pages touched through the map would count as this process's memory.
        byte[] chunk = new byte[1 << 20];
        uint checksum = 0;
        for (int count; (count = file.Read(chunk)) > 0;) checksum = Crc32C.Compute(chunk.AsSpan(0, count), checksum);
        return checksum == header.BodyChecksum ? header
            : throw new UserErrorException($"{path}: is damaged (its contents do not match its checksum); prepare or copy the shard again.");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    int InVocabulary(int token, long index) => (uint)token < (uint)header.VocabSize ? token : throw OutsideVocabulary(token, index);

    UserErrorException OutsideVocabulary(int token, long index) =>
        new($"{Path}: is damaged: token {index} is {token}, outside the vocabulary of {header.VocabSize}; prepare or copy the shard again.");
}
