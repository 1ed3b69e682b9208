namespace Litespark.Tests.Reporting;

/// <summary>A clock that stands until it is moved.</summary>
internal sealed class FakeClock : TimeProvider
{
    long milliseconds;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => milliseconds;

    public void Advance(double seconds) => milliseconds += (long)(seconds * 1000);
}
