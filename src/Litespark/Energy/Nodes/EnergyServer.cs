using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Litespark.Energy.Nodes;

/// <summary>
/// Lets other machines read a meter over TCP. Whoever connects is sent lines of JSON, a greeting and then readings, until it
/// hangs up; nothing that it sends is read. There is no encryption and no password: what can be learnt is the energy used.
/// </summary>
public sealed class EnergyServer : IDisposable
{
    /// <summary>Between two readings, as often as GPUs' counters step.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>A connection whose other side takes nothing for so long is given up.</summary>
    static readonly TimeSpan patience = TimeSpan.FromSeconds(10);

    /// <summary>Connections at once; a further one is closed at its beginning.</summary>
    const int MostConnections = 64;

    readonly IEnergyMeter meter;
    readonly TcpListener listener;
    readonly CancellationTokenSource closing = new();
    readonly NodeGreeting greeting;
    readonly double before;
    readonly long startedAt = TimeProvider.System.GetTimestamp();
    readonly Task accepting;

    /// <summary>Serves from now on.</summary>
    /// <param name="meter">What is served; it stays the caller's.</param>
    /// <param name="address">Where to listen.</param>
    /// <param name="port">Port; 0 for any that is free.</param>
    /// <exception cref="UserErrorException">It cannot listen there.</exception>
    public EnergyServer(IEnergyMeter meter, IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(meter);
        this.meter = meter;
        greeting = new NodeGreeting(Guid.NewGuid(), meter.Source, meter.ShortestWindow, meter.Counted, meter.Explanation);
        before = meter.ReadJoules();
        listener = new TcpListener(address, port);
        try
        {
            listener.Start();
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new UserErrorException($"Nothing can be served at {new IPEndPoint(address, port)}: {error.Message}. Right would be an address of this machine (--bind) and a free port (--port).", error);
        }

        accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)listener.LocalEndpoint;

    /// <summary>Energy and time since it began to serve.</summary>
    internal NodeReading Reading => new(meter.ReadJoules() - before, TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (closing.IsCancellationRequested) return;
        closing.Cancel();
        accepting.GetAwaiter().GetResult();
        listener.Dispose();
        closing.Dispose();
    }

    async Task AcceptAsync()
    {
        var serving = new List<Task>();
        while (!closing.IsCancellationRequested)
        {
            try
            {
                Socket socket = await listener.AcceptSocketAsync(closing.Token).ConfigureAwait(false);
                serving.RemoveAll(task => task.IsCompleted);
                if (serving.Count < MostConnections) serving.Add(ServeAsync(socket));
                else socket.Dispose();
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                // The other side was gone already, or this one is about to be.
            }
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
    }

    async Task ServeAsync(Socket socket)
    {
        using (socket)
        using (var timer = new PeriodicTimer(Interval))
        {
            var line = new ArrayBufferWriter<byte>();
            NodeLines.Write(line, greeting);
            try
            {
                do
                {
                    NodeLines.Write(line, Reading);
                    for (ReadOnlyMemory<byte> rest = line.WrittenMemory; rest.Length > 0;)
                        rest = rest[(await socket.SendAsync(rest, closing.Token).AsTask().WaitAsync(patience).ConfigureAwait(false))..];
                    line.ResetWrittenCount();
                }
                while (await timer.WaitForNextTickAsync(closing.Token).ConfigureAwait(false));
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or TimeoutException)
            {
                // It has hung up, takes nothing, or this server ends.
            }
        }
    }
}
