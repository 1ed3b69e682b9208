using System.Buffers;
using System.Text.Json;

namespace Litespark.Energy.Nodes;

/// <summary>The first line of a connection: whose energy this is.</summary>
/// <param name="Id">Of the server's process: another one has begun to count anew.</param>
/// <param name="Source">A constant of <see cref="EnergySources"/>.</param>
/// <param name="ShortestWindow">As the served meter says.</param>
/// <param name="Counted">As the served meter says.</param>
/// <param name="Explanation">As the served meter says.</param>
internal sealed record NodeGreeting(Guid Id, string Source, TimeSpan ShortestWindow, IReadOnlyList<string> Counted, string Explanation);

/// <summary>Every other line.</summary>
/// <param name="Joules">Since the server began to count.</param>
/// <param name="Seconds">Since then.</param>
internal readonly record struct NodeReading(double Joules, double Seconds);

/// <summary>
/// What a served meter sends: lines of JSON, a greeting and then readings, as long as the connection lasts. Nothing is ever
/// sent to it.
/// </summary>
internal static class NodeLines
{
    /// <summary>Of the protocol; a reader refuses others.</summary>
    const int Version = 2;

    /// <summary>Bytes that no line is longer than.</summary>
    public const int MostBytes = 16 << 10;

    public static void Write(IBufferWriter<byte> output, NodeGreeting greeting) => Line(output, greeting, static (writer, greeting) =>
    {
        writer.WriteNumber("litespark_energy"u8, Version);
        writer.WriteString("id"u8, greeting.Id);
        writer.WriteString("source"u8, greeting.Source);
        writer.WriteNumber("shortest_window_seconds"u8, greeting.ShortestWindow.TotalSeconds);
        writer.WriteStartArray("counted"u8);
        foreach (string part in greeting.Counted) writer.WriteStringValue(part);
        writer.WriteEndArray();
        writer.WriteString("explanation"u8, greeting.Explanation);
    });

    public static void Write(IBufferWriter<byte> output, NodeReading reading) => Line(output, reading, static (writer, reading) =>
    {
        writer.WriteNumber("joules"u8, reading.Joules);
        writer.WriteNumber("seconds"u8, reading.Seconds);
    });

    /// <exception cref="InvalidDataException">It is no greeting of this version.</exception>
    public static NodeGreeting ReadGreeting(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            JsonElement root = document.RootElement;
            int version = root.GetProperty("litespark_energy").GetInt32();
            if (version != Version) throw new InvalidDataException($"it speaks version {version} of the protocol, this program version {Version}");
            string source = root.GetProperty("source").GetString() ?? "";
            if (!EnergySources.IsOne(source)) throw new InvalidDataException("its source of energy is not known to this program");
            var window = TimeSpan.FromSeconds(root.GetProperty("shortest_window_seconds").GetDouble());
            string[] counted = [.. root.GetProperty("counted").EnumerateArray().Select(part => part.GetString() ?? "")];
            return new NodeGreeting(root.GetProperty("id").GetGuid(), source, window, counted, root.GetProperty("explanation").GetString() ?? "");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw NoMeter(error);
        }
    }

    /// <summary>Allocates nothing.</summary>
    /// <exception cref="InvalidDataException">It is no reading.</exception>
    public static NodeReading ReadReading(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            double joules = double.NaN, seconds = double.NaN;
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                bool isJoules = reader.ValueTextEquals("joules"u8), isSeconds = reader.ValueTextEquals("seconds"u8);
                reader.Read();
                if (isJoules) joules = reader.GetDouble();
                else if (isSeconds) seconds = reader.GetDouble();
                else reader.Skip();
            }

            return joules >= 0 && seconds >= 0 ? new NodeReading(joules, seconds) : throw NoMeter(null);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw NoMeter(error);
        }
    }

    static InvalidDataException NoMeter(Exception? cause) => new("what answers there is no 'litespark energy serve'", cause);

    static void Line<T>(IBufferWriter<byte> output, T what, Action<Utf8JsonWriter, T> members)
    {
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            members(writer, what);
            writer.WriteEndObject();
        }

        output.Write("\n"u8);
    }
}
