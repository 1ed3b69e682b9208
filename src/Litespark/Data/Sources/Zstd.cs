using System.Runtime.InteropServices;

namespace Litespark.Data.Sources;

/// <summary>
/// The few functions of the system's libzstd that decompression needs (its stable API, version 1.4 or later).
/// </summary>
internal sealed unsafe class Zstd
{
    static readonly string[] SystemNames =
        OperatingSystem.IsWindows() ? ["zstd.dll", "libzstd.dll"]
        : OperatingSystem.IsMacOS() ? ["libzstd.dylib", "libzstd.1.dylib", "/opt/homebrew/lib/libzstd.dylib", "/usr/local/lib/libzstd.dylib"]
        : ["libzstd.so.1", "libzstd.so"];

    static readonly Lazy<Zstd> system = new(() => new Zstd(SystemNames));

    readonly delegate* unmanaged<nint> createDCtx;
    readonly delegate* unmanaged<nint, nuint> freeDCtx;
    readonly delegate* unmanaged<nint, int, int, nuint> setParameter;
    readonly delegate* unmanaged<nint, Buffer*, Buffer*, nuint> decompressStream;
    readonly delegate* unmanaged<nuint, uint> isError;
    readonly delegate* unmanaged<nuint, nint> getErrorName;

    /// <summary>Loads the library by the first of <paramref name="names"/> that is found.</summary>
    /// <exception cref="UserErrorException">None is.</exception>
    internal Zstd(IReadOnlyList<string> names)
    {
        nint library = 0;
        foreach (string name in names)
            if (NativeLibrary.TryLoad(name, out library)) break;
        if (library == 0)
            throw new UserErrorException(
                $"Reading .zst files needs the zstd library ({names[0]}), which was not found. Install it (Debian and Ubuntu: " +
                "apt install libzstd1; Fedora: dnf install libzstd; macOS: brew install zstd; Windows: put zstd.dll beside the program), " +
                "or compress the files with gzip (.gz) instead.");
        createDCtx = (delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "ZSTD_createDCtx");
        freeDCtx = (delegate* unmanaged<nint, nuint>)NativeLibrary.GetExport(library, "ZSTD_freeDCtx");
        setParameter = (delegate* unmanaged<nint, int, int, nuint>)NativeLibrary.GetExport(library, "ZSTD_DCtx_setParameter");
        decompressStream = (delegate* unmanaged<nint, Buffer*, Buffer*, nuint>)NativeLibrary.GetExport(library, "ZSTD_decompressStream");
        isError = (delegate* unmanaged<nuint, uint>)NativeLibrary.GetExport(library, "ZSTD_isError");
        getErrorName = (delegate* unmanaged<nuint, nint>)NativeLibrary.GetExport(library, "ZSTD_getErrorName");
    }

    /// <summary>The system's library, loaded at first use.</summary>
    /// <exception cref="UserErrorException">It is not installed.</exception>
    public static Zstd System => system.Value;

    /// <summary>A new decompression context.</summary>
    public Decoder CreateDecoder()
    {
        Decoder decoder = new(this, createDCtx());
        if (decoder.IsInvalid) throw new InsufficientMemoryException("zstd could not allocate a decompression context.");
        // Files made with --long use windows beyond the 128 MB that zstd accepts unasked.
        const int windowLogMax = 100;
        setParameter(decoder.DangerousGetHandle(), windowLogMax, nint.Size == 8 ? 31 : 30);
        return decoder;
    }

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: they have the same fields.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct Buffer
    {
        public byte* Start;
        public nuint Size;
        public nuint Position;
    }

    /// <summary>A ZSTD_DCtx: one stream's decompression state.</summary>
    internal sealed class Decoder : SafeHandle
    {
        readonly Zstd library;

        internal Decoder(Zstd library, nint context) : base(0, ownsHandle: true)
        {
            this.library = library;
            SetHandle(context);
        }

        /// <inheritdoc/>
        public override bool IsInvalid => handle == 0;

        /// <summary>
        /// Decompresses what it can. The result tells what was consumed and produced, and whether a frame has just been
        /// completed, with all of its output handed over.
        /// </summary>
        /// <exception cref="InvalidDataException">The input is not valid.</exception>
        public (int Consumed, int Produced, bool FrameComplete) Decompress(ReadOnlySpan<byte> input, Span<byte> output)
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            fixed (byte* source = input, destination = output)
            {
                Buffer from = new() { Start = source, Size = (nuint)input.Length };
                Buffer to = new() { Start = destination, Size = (nuint)output.Length };
                nuint result = library.decompressStream(handle, &to, &from);
                if (library.isError(result) != 0)
                    throw new InvalidDataException($"zstd: {Marshal.PtrToStringUTF8(library.getErrorName(result))}.");
                return ((int)from.Position, (int)to.Position, result == 0);
            }
        }

        /// <inheritdoc/>
        protected override bool ReleaseHandle()
        {
            library.freeDCtx(handle);
            return true;
        }
    }
}
