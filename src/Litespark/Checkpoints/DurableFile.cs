using System.Runtime.InteropServices;

namespace Litespark.Checkpoints;

/// <summary>What it takes for files to survive a power cut, and to tell a full disk from other failures.</summary>
internal static partial class DurableFile
{
    const int NoSpaceErrno = 28;
    const int QuotaErrnoLinux = 122, QuotaErrnoMac = 69;
    const int WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);
    const int InvalidErrno = 22, NotSupportedErrnoLinux = 95, NotSupportedErrnoMac = 45;

    /// <summary>
    /// Makes a folder's list of names durable. Windows journals it by itself; elsewhere the folder is opened and flushed,
    /// where its file system can do that.
    /// </summary>
    /// <exception cref="IOException">The system reports a failure.</exception>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Open(path, 0);
        if (descriptor < 0)
            throw Failure(path);
        try
        {
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is not (InvalidErrno or NotSupportedErrnoLinux or NotSupportedErrnoMac))
                throw Failure(path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>The exception says that no space is left on the disk, or none within the user's quota.</summary>
    public static bool IsDiskFull(Exception exception)
    {
        if (exception is not IOException)
            return exception.InnerException is { } inner && IsDiskFull(inner);
        return OperatingSystem.IsWindows()
            ? exception.HResult is WindowsDiskFull or WindowsHandleDiskFull
            : exception.HResult == NoSpaceErrno || exception.HResult == (OperatingSystem.IsMacOS() ? QuotaErrnoMac : QuotaErrnoLinux);
    }

    static IOException Failure(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
