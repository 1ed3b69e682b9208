using System.Diagnostics;
using System.Net.Sockets;

namespace Litespark.Energy.Nodes;

/// <summary>
/// The energy of another machine, by its <see cref="EnergyServer"/>. A thread of its own follows the readings, so that a read
/// never waits for the network. The other machine counts on while it is not heard: once its last reading is old, the joules
/// are not a number, and when it answers again nothing of them is lost. Where its server was started anew, the time between its last
/// reading and that start is filled by its mean power, and the figure is an estimate from then on.
/// </summary>
internal sealed class NodeMeter : IEnergyMeter
{
    /// <summary>How long the network may take for each answer, that of the connection too.</summary>
    public static readonly TimeSpan ConnectionPatience = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which the last reading is no longer the energy.</summary>
    public static readonly TimeSpan Fresh = 3 * EnergyServer.Interval;

    /// <summary>Silence that its user is told of; a shorter one is a hiccup.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Between two tries to connect.</summary>
    static readonly TimeSpan pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Both ends of a window are uncertain by the time between two readings, mostly: two per cent each of five seconds.</summary>
    static readonly TimeSpan shortest = TimeSpan.FromSeconds(5);

    readonly Lock gate = new();
    readonly NodeAddress address;
    readonly TimeSpan patience;
    readonly TimeProvider time;
    readonly CancellationTokenSource closing = new();
    readonly Thread thread;
    readonly string source, silence, restart;
    readonly long openedAt;
    NodeConnection connection;
    long heardAt;
    double joules, last;
    bool isGuessed, isSilenceTold, isRestartUntold, isDisposed;

    NodeMeter(NodeAddress address, NodeConnection connection, TimeSpan patience, TimeProvider time)
    {
        (this.address, this.connection, this.patience, this.time) = (address, connection, patience, time);
        NodeGreeting greeting = connection.Greeting;
        (Id, source) = (greeting.Id, greeting.Source);
        Counted = greeting.Counted;
        Explanation = $"{address}: {greeting.Explanation}";
        ShortestWindow = greeting.ShortestWindow > shortest ? greeting.ShortestWindow : shortest;
        silence = $"energy.nodes: {address} does not answer; the run's joules are unknown (null) until it does";
        restart = $"energy.nodes: {address} has begun to count anew; what it used meanwhile is taken from its mean power, so that the run's joules are an estimate (~) from here on";
        last = connection.Next().Joules;
        openedAt = heardAt = time.GetTimestamp();
        thread = new Thread(Follow) { IsBackground = true, Name = $"litespark energy of {address}" };
        thread.Start();
    }

    /// <summary>The server that is counted.</summary>
    public Guid Id { get; private set; }

    /// <inheritdoc/>
    public string Source => IsEstimate ? EnergySources.Estimate : source;

    /// <inheritdoc/>
    public bool IsEstimate => Volatile.Read(ref isGuessed) || source == EnergySources.Estimate;

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted { get; }

    /// <inheritdoc/>
    public TimeSpan ShortestWindow { get; }

    /// <summary>Connects, and takes what the other machine has counted so far as zero.</summary>
    /// <param name="text">The address, as in a recipe.</param>
    /// <param name="patience">How long each answer may take; null for <see cref="ConnectionPatience"/>.</param>
    /// <param name="time">The clock by which silence is told; null for the system's.</param>
    /// <exception cref="UserErrorException">It is no address, or no such meter answers there.</exception>
    public static NodeMeter Open(string text, TimeSpan? patience = null, TimeProvider? time = null)
    {
        NodeAddress address = NodeAddress.Parse(text) ?? throw new UserErrorException($"energy.nodes: '{text}' is no address; right would be host:port.");
        NodeConnection? connection = null;
        try
        {
            connection = NodeConnection.Open(address, patience ?? ConnectionPatience, CancellationToken.None);
            return new NodeMeter(address, connection, patience ?? ConnectionPatience, time ?? TimeProvider.System);
        }
        catch (Exception error) when (error is IOException or SocketException or InvalidDataException)
        {
            connection?.Dispose();
            throw new UserErrorException(
                $"energy.nodes: the energy of {address} cannot be read: {error.Message}. Right would be a machine on which 'litespark energy serve --bind ADDRESS --port {address.Port}' runs.", error);
        }
    }

    /// <inheritdoc/>
    public double ReadJoules()
    {
        lock (gate) return IsUnheardFor(Fresh) ? double.NaN : joules;
    }

    /// <inheritdoc/>
    public double ReadJoulesUpToNow(TimeSpan patience)
    {
        long now = time.GetTimestamp(), began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < patience)
        {
            lock (gate)
            {
                if (isDisposed || heardAt >= now) return joules;
            }

            Thread.Sleep(10);
        }

        return ReadJoules();
    }

    /// <inheritdoc/>
    public string? TakeWarning()
    {
        lock (gate)
        {
            if (isRestartUntold)
            {
                isRestartUntold = false;
                return restart;
            }

            if (isSilenceTold || !IsUnheardFor(Patience)) return null;
            isSilenceTold = true;
            return silence;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed) return;
            isDisposed = true;
        }

        closing.Cancel();
        Volatile.Read(ref connection).Dispose();
        thread.Join();
        closing.Dispose();
    }

    void Follow()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                using (connection)
                {
                    while (true) Take(connection.Greeting.Id, connection.Next());
                }
            }
            catch (Exception error) when (IsOfTheNetwork(error))
            {
                Reconnect();
            }
        }
    }

    void Reconnect()
    {
        while (!closing.Token.WaitHandle.WaitOne(pause))
        {
            try
            {
                Volatile.Write(ref connection, NodeConnection.Open(address, patience, closing.Token));
                // Disposal may have looked at the connection before this one.
                if (closing.IsCancellationRequested) connection.Dispose();
                return;
            }
            catch (Exception error) when (IsOfTheNetwork(error))
            {
                // It is tried again.
            }
        }
    }

    void Take(Guid id, NodeReading now)
    {
        lock (gate)
        {
            long at = time.GetTimestamp();
            if (id != Id)
            {
                double silent = Seconds(heardAt, at), unheard = Math.Max(silent - now.Seconds, 0), before = Seconds(openedAt, heardAt);
                // What a server counted before this one's silence was heard from the one before it, or is not the run's.
                double share = now.Seconds > silent ? silent / now.Seconds : 1;
                joules += (share * now.Joules) + (before > 0 ? unheard * joules / before : 0);
                (Id, isRestartUntold) = (id, true);
                Volatile.Write(ref isGuessed, true);
            }
            else
            {
                // A counter that falls has been reset.
                joules += now.Joules >= last ? now.Joules - last : now.Joules;
            }

            (last, heardAt) = (now.Joules, at);
        }
    }

    bool IsUnheardFor(TimeSpan span) => !isDisposed && time.GetElapsedTime(heardAt) > span;

    double Seconds(long from, long to) => time.GetElapsedTime(from, to).TotalSeconds;

    static bool IsOfTheNetwork(Exception error) => error is IOException or SocketException or InvalidDataException or ObjectDisposedException or OperationCanceledException;
}
