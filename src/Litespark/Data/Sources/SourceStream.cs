using System.IO.Compression;

namespace Litespark.Data.Sources;

/// <summary>
/// A source file's text, read forwards: decompressed by its extension (<c>.gz</c>, <c>.zst</c>), counted, and with every
/// failure turned into an error that names the file.
/// </summary>
internal sealed class SourceStream : ReadOnlyStream
{
    readonly string path;
    readonly CorpusStatistics statistics;
    readonly FileStream file;
    readonly Stream text;
    long counted;

    static SourceStream()
    {
        // Without it GZipStream takes a file that was cut off for a complete one.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
    }

    /// <summary>Opens <paramref name="path"/>.</summary>
    /// <exception cref="UserErrorException">It cannot be read, here or in any later call.</exception>
    public SourceStream(string path, CorpusStatistics statistics)
    {
        this.path = path;
        this.statistics = statistics;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message}", e);
        }
        text = path switch
        {
            _ when path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) => new GZipStream(file, CompressionMode.Decompress),
            _ when path.EndsWith(".zst", StringComparison.OrdinalIgnoreCase) => new ZstdStream(file),
            _ => file,
        };
        statistics.Files++;
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            int count = text.Read(buffer);
            long position = file.Position;
            statistics.StoredBytesRead += position - counted;
            counted = position;
            return count;
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"{path}: is cut off or damaged: {e.Message} Fetch or compress it again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) text.Dispose();
        base.Dispose(disposing);
    }
}
