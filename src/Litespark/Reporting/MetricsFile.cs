using System.Text.Json;

namespace Litespark.Reporting;

/// <summary>An existing <c>metrics.jsonl</c>.</summary>
internal static class MetricsFile
{
    /// <summary>
    /// Keeps the rows of steps up to <paramref name="lastStep"/> as they are, byte for byte, and drops the others and
    /// whatever is no row. The new file is on disk before it takes the old one's name.
    /// </summary>
    /// <returns>Step of the last evaluation kept; null where none is.</returns>
    public static long? RemoveRowsBeyond(string path, long lastStep)
    {
        byte[] rows = File.ReadAllBytes(path);
        string temporary = path + ".tmp";
        long? lastEvalStep = null;
        using (var kept = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            for (int begin = 0; begin < rows.Length;)
            {
                int length = rows.AsSpan(begin).IndexOf((byte)'\n');
                if (length < 0) length = rows.Length - begin;
                ReadOnlyMemory<byte> row = rows.AsMemory(begin, length);
                begin += length + 1;
                if (StepOf(row, out bool isEval) is not { } step || step > lastStep) continue;
                if (isEval) lastEvalStep = step;
                kept.Write(row.Span);
                kept.Write("\n"u8);
            }

            kept.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        return lastEvalStep;
    }

    /// <summary>The row's step, or null where the line is no whole row.</summary>
    static long? StepOf(ReadOnlyMemory<byte> row, out bool isEval)
    {
        isEval = false;
        try
        {
            using JsonDocument document = JsonDocument.Parse(row);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("step"u8, out JsonElement step)) return null;
            isEval = root.TryGetProperty("event"u8, out JsonElement kind) && kind.ValueKind == JsonValueKind.String && kind.ValueEquals("eval"u8);
            return step.ValueKind == JsonValueKind.Number && step.TryGetInt64(out long number) ? number : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
