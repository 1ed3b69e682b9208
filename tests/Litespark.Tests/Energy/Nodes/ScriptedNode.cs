using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Tests.Energy.Nodes;

/// <summary>The other end of a connection in the test's own hand.</summary>
internal sealed class ScriptedNode : IDisposable
{
    /// <summary>More than any wait takes on a machine that is not stuck.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    Socket? peer;

    public ScriptedNode() => listener.Start();

    public string Address => listener.LocalEndpoint.ToString()!;

    /// <summary>Opens a meter of this node, which greets it and sends a first reading.</summary>
    public NodeMeter Open(Guid id, double joules, double seconds, TimeProvider time)
        => While(() => Accept(id, joules, seconds), () => NodeMeter.Open(Address, Patience, time));

    /// <summary>Does something while the other end is served; by a thread of its own, since the pool's may all be busy.</summary>
    public static T While<T>(Action serve, Func<T> what)
    {
        Exception? problem = null;
        var thread = new Thread(() =>
        {
            try
            {
                serve();
            }
            catch (Exception error)
            {
                problem = error;
            }
        }) { IsBackground = true };
        thread.Start();
        T result = what();
        thread.Join();
        Assert.Null(problem);
        return result;
    }

    /// <summary>Takes the next connection, greets it and sends a first reading.</summary>
    public void Accept(Guid id, double joules, double seconds, string source = EnergySources.Rapl)
    {
        peer = Next();
        Send(output => NodeLines.Write(output, new NodeGreeting(id, source, TimeSpan.FromMilliseconds(50), [], "made up")));
        Send(joules, seconds);
    }

    public void Send(double joules, double seconds) => Send(output => NodeLines.Write(output, new NodeReading(joules, seconds)));

    /// <summary>Sends text to whoever connects next.</summary>
    public void Answer(string text)
    {
        peer = Next();
        peer.Send(System.Text.Encoding.UTF8.GetBytes(text));
    }

    public void HangUp() => peer?.Dispose();

    public void Dispose()
    {
        HangUp();
        listener.Dispose();
    }

    Socket Next() => listener.Server.Poll(Patience, SelectMode.SelectRead) ? listener.AcceptSocket() : throw new TimeoutException("nobody connects");

    void Send(Action<IBufferWriter<byte>> write)
    {
        var line = new ArrayBufferWriter<byte>();
        write(line);
        peer!.Send(line.WrittenSpan);
    }
}
