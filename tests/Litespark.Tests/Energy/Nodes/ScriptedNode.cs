using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Tests.Energy.Nodes;

/// <summary>The other end of a connection in the test's own hand.</summary>
internal sealed class ScriptedNode : IDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    Socket? peer;

    public ScriptedNode() => listener.Start();

    public string Address => listener.LocalEndpoint.ToString()!;

    /// <summary>Takes the next connection, greets it and sends a first reading.</summary>
    public void Accept(Guid id, double joules, double seconds, string source = EnergySources.Rapl)
    {
        peer = listener.AcceptSocket();
        Send(output => NodeLines.Write(output, new NodeGreeting(id, source, TimeSpan.FromMilliseconds(50), "made up")));
        Send(joules, seconds);
    }

    public void Send(double joules, double seconds) => Send(output => NodeLines.Write(output, new NodeReading(joules, seconds)));

    /// <summary>Sends text to whoever connects next.</summary>
    public void Answer(string text)
    {
        peer = listener.AcceptSocket();
        peer.Send(System.Text.Encoding.UTF8.GetBytes(text));
    }

    public void HangUp() => peer?.Dispose();

    public void Dispose()
    {
        HangUp();
        listener.Dispose();
    }

    void Send(Action<IBufferWriter<byte>> write)
    {
        var line = new ArrayBufferWriter<byte>();
        write(line);
        peer!.Send(line.WrittenSpan);
    }
}
