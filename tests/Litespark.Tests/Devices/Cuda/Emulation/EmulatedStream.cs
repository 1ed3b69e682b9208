using System.Diagnostics;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>What a piece of work in a stream does.</summary>
internal enum WorkKind
{
    Copy,
    Clear,
    Launch,
    Host,
    Record,
    Wait,
    Graph,
}

/// <summary>A piece of work: addresses and a length, or what it refers to.</summary>
internal readonly record struct Work(WorkKind Kind, nint Destination = 0, nint Source = 0, long Count = 0, LaunchShape Shape = default, object? Subject = null, byte[]? Arguments = null);

/// <summary>An event: how often it was recorded, and how many of these records have come to pass.</summary>
internal sealed class EmulatedEvent
{
    public long Recorded { get; set; }

    public long Passed { get; set; }

    public EmulatedStream? Stream { get; set; }

    public long Timestamp { get; set; }

    /// <summary>The recording that the last record belongs to, or null.</summary>
    public Recording? Recording { get; set; }
}

/// <summary>Work that is captured: what one stream and those that joined it are given, in the order in which they are given it.</summary>
internal sealed class Recording(EmulatedStream origin)
{
    public List<Work> Work { get; } = [];

    public EmulatedStream Origin => origin;

    /// <summary>Streams that wait for an event of this recording and have not been waited for since.</summary>
    public HashSet<EmulatedStream> Joined { get; } = [];
}

/// <summary>A stream: work waits until someone waits for it, so that results taken too early are seen to be missing.</summary>
internal sealed class EmulatedStream
{
    public Queue<Work> Pending { get; } = new();

    public Recording? Recording { get; set; }
}

/// <summary>Times of events.</summary>
internal static class EmulatedClock
{
    public static long Now => Stopwatch.GetTimestamp();
}
