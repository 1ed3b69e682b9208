using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;

namespace Litespark.Energy;

/// <summary>A file that holds a growing number of microjoules.</summary>
/// <param name="Path">The file.</param>
/// <param name="RangeMicrojoules">The value after which the counter starts again at 0; 0 where none is stated.</param>
internal readonly record struct CounterPath(string Path, ulong RangeMicrojoules);

/// <summary>
/// Sums the growth of one counter file since it was opened. The kernel fills the file anew for each read at offset 0, so
/// one open handle serves for ever. Not thread-safe.
/// </summary>
internal sealed class EnergyCounter : IDisposable
{
    readonly SafeFileHandle handle;
    ulong last;
    ulong total;

    /// <summary>Opens the file and takes its value as zero.</summary>
    /// <exception cref="IOException">The file is missing or holds no number.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public EnergyCounter(CounterPath path)
    {
        Range = path.RangeMicrojoules;
        handle = File.OpenHandle(path.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            last = Read() ?? throw new IOException($"{path.Path} holds no number");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Microjoules after which the counter starts again at 0; 0 where none is stated.</summary>
    public ulong Range { get; }

    /// <summary>
    /// Microjoules since opening, as far as the counter could be read: a failed read is made good by the next that succeeds.
    /// </summary>
    public ulong ReadMicrojoules()
    {
        ulong? value;
        try
        {
            value = Read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            value = null;
        }

        if (value is not { } now) return total;
        if (now >= last) total += now - last;
        else if (Range >= last) total += Range - last + now;
        else total += now; // no usable range: the counter was reset
        last = now;
        return total;
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    ulong? Read()
    {
        Span<byte> text = stackalloc byte[32];
        int length = RandomAccess.Read(handle, text, fileOffset: 0);
        return Utf8Parser.TryParse(text[..length], out ulong value, out _) ? value : null;
    }
}
