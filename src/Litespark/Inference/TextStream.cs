using System.Text;
using Litespark.Tokenization;

namespace Litespark.Inference;

/// <summary>
/// Tokens in, text out, as early as it is certain: whole characters only, and nothing that may turn out to be the beginning of a
/// stop text.
/// </summary>
internal sealed class TextStream
{
    readonly IncrementalDecoder decoder;
    readonly IReadOnlyList<string> stops;
    readonly Action<string>? onText;
    readonly StringBuilder all = new();
    string held = "";

    /// <param name="tokenizer">Decodes; special tokens are left out.</param>
    /// <param name="prompt">Text that goes before: it decides on leading spaces and on a character that it leaves incomplete.</param>
    /// <param name="stops">Stop texts, none empty.</param>
    /// <param name="onText">Called with each piece.</param>
    public TextStream(Tokenizer tokenizer, ReadOnlySpan<int> prompt, IReadOnlyList<string> stops, Action<string>? onText)
    {
        decoder = tokenizer.CreateDecoder(skipSpecial: true);
        this.stops = stops;
        this.onText = onText;
        foreach (int token in prompt) decoder.Add(token);
    }

    /// <summary>All that was emitted.</summary>
    public string Text => all.ToString();

    /// <summary>Takes a token; true where a stop text came up: the text before it has been emitted, nothing more is to be added.</summary>
    public bool Add(int token) => Take(decoder.Add(token), ended: false);

    /// <summary>Emits what is left; true where it completes a stop text.</summary>
    public bool End() => Take(decoder.Flush(), ended: true);

    bool Take(string text, bool ended)
    {
        held += text;
        int stop = FirstStop();
        Emit(stop >= 0 ? stop : ended ? held.Length : held.Length - Undecided());
        if (stop >= 0) held = "";
        return stop >= 0;
    }

    void Emit(int length)
    {
        if (length == 0) return;
        string piece = held[..length];
        held = held[length..];
        all.Append(piece);
        onText?.Invoke(piece);
    }

    /// <summary>Where the stop text begins that is complete first, whatever pieces the text came in; −1 = none.</summary>
    int FirstStop()
    {
        (int end, int start) = (int.MaxValue, -1);
        foreach (string stop in stops)
        {
            int index = held.IndexOf(stop, StringComparison.Ordinal);
            if (index < 0 || (index + stop.Length, index).CompareTo((end, start)) >= 0) continue;
            (end, start) = (index + stop.Length, index);
        }

        return start;
    }

    /// <summary>Length of the longest end of the held text that a stop text begins with.</summary>
    int Undecided()
    {
        int longest = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length - 1, held.Length); length > longest; length--)
            {
                if (string.CompareOrdinal(held, held.Length - length, stop, 0, length) != 0) continue;
                longest = length;
                break;
            }
        }

        return longest;
    }
}
