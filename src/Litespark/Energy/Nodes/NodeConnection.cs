using System.Net.Sockets;

namespace Litespark.Energy.Nodes;

/// <summary>A connection to a served meter, past its greeting. For one thread; another may dispose of it, which ends a wait.</summary>
internal sealed class NodeConnection : IDisposable
{
    readonly Socket socket;
    readonly byte[] buffer = new byte[NodeLines.MostBytes];
    int start, end;

    NodeConnection(Socket socket, TimeSpan patience)
    {
        this.socket = socket;
        socket.ReceiveTimeout = (int)patience.TotalMilliseconds;
        Greeting = NodeLines.ReadGreeting(NextLine());
    }

    /// <summary>What it said first.</summary>
    public NodeGreeting Greeting { get; }

    /// <summary>Connects.</summary>
    /// <param name="address">Where.</param>
    /// <param name="patience">How long each wait may take.</param>
    /// <param name="cancellation">Ends the wait for the connection.</param>
    /// <exception cref="IOException">Nobody answers, or not in time.</exception>
    /// <exception cref="SocketException">As above.</exception>
    /// <exception cref="InvalidDataException">What answers is no such meter.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static NodeConnection Open(NodeAddress address, TimeSpan patience, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(patience);
            try
            {
                socket.ConnectAsync(address.Host, address.Port, limit.Token).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new IOException($"no answer within {patience.TotalSeconds} s");
            }

            return new NodeConnection(socket, patience);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the next reading. Allocates nothing.</summary>
    /// <exception cref="IOException">The connection has ended.</exception>
    /// <exception cref="SocketException">It is broken, or nothing came in time.</exception>
    /// <exception cref="InvalidDataException">What came is no reading.</exception>
    public NodeReading Next() => NodeLines.ReadReading(NextLine());

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    ReadOnlySpan<byte> NextLine()
    {
        for (int searched = start; ;)
        {
            int length = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                ReadOnlySpan<byte> line = buffer.AsSpan(start..(searched + length));
                start = searched + length + 1;
                return line;
            }

            if (start > 0)
            {
                buffer.AsSpan(start..end).CopyTo(buffer);
                (start, end) = (0, end - start);
            }

            searched = end;
            if (end == buffer.Length) throw new InvalidDataException("what answers there is no 'litespark energy serve'");
            int received = socket.Receive(buffer.AsSpan(end));
            if (received == 0) throw new IOException("the connection was closed");
            end += received;
        }
    }
}
