using System.Text;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization;

/// <summary>
/// Turns tokens to text one by one, as they are generated. A character whose bytes are spread over several tokens comes out whole,
/// with the last of them. Not thread-safe; create one per text with <see cref="Tokenizer.CreateDecoder"/>.
/// </summary>
public sealed class IncrementalDecoder
{
    readonly TokenDecoder decoder;
    readonly IReadOnlySet<int> skipped;
    readonly Decoder utf8 = Encoding.UTF8.GetDecoder();
    readonly List<byte> pending = [];
    readonly byte[]? strip;
    int stripsLeft;
    bool started;

    internal IncrementalDecoder(TokenDecoder decoder, IReadOnlySet<int> skipped)
    {
        this.decoder = decoder;
        this.skipped = skipped;
        if (decoder.Rules.WholeStrip is TokenStep.Strip rule)
        {
            strip = Encoding.UTF8.GetBytes(rule.Content.ToString());
            stripsLeft = rule.Start;
        }
    }

    /// <summary>The text that <paramref name="token"/> completes; empty while a character is still incomplete.</summary>
    public string Add(int token)
    {
        Push(token);
        return ToText(TakeReady(ended: false), ended: false);
    }

    /// <summary>
    /// What is left at the end of the text: an incomplete character becomes U+FFFD. The decoder can then be used for another text.
    /// </summary>
    public string Flush()
    {
        string rest = ToText(TakeReady(ended: true), ended: true);
        Restart();
        return rest;
    }

    /// <summary>All bytes of a whole text.</summary>
    internal byte[] DecodeAll(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
            Push(token);
        byte[] all = TakeReady(ended: true);
        Restart();
        return all;
    }

    void Restart()
    {
        started = false;
        stripsLeft = decoder.Rules.WholeStrip?.Start ?? 0;
    }

    void Push(int token)
    {
        if (skipped.Contains(token))
            return;
        pending.AddRange(started ? decoder.Bytes(token) : decoder.FirstBytes(token));
        started = true;
    }

    /// <summary>Takes the bytes that no later token can change; all of them at the end.</summary>
    byte[] TakeReady(bool ended)
    {
        if (strip is not null)
            StripStart(ended);
        int kept = strip is null ? 0 : KeptAtEnd();
        byte[] ready = [.. pending[..(pending.Count - kept)]];
        pending.RemoveRange(0, ready.Length);
        if (ended)
            pending.Clear();
        return ready;
    }

    void StripStart(bool ended)
    {
        while (stripsLeft > 0 && pending.Count >= strip!.Length)
        {
            if (!StartsWithStrip())
            {
                stripsLeft = 0;
                return;
            }
            pending.RemoveRange(0, strip.Length);
            stripsLeft--;
        }
        if (ended)
            stripsLeft = 0;
    }

    bool StartsWithStrip()
    {
        for (int i = 0; i < strip!.Length; i++)
        {
            if (pending[i] != strip[i])
                return false;
        }
        return true;
    }

    /// <summary>How many bytes at the end may have to be stripped, or may still become something to strip at the start.</summary>
    int KeptAtEnd()
    {
        if (stripsLeft > 0)
            return pending.Count;
        int kept = 0;
        for (int i = 0; i < decoder.Rules.WholeStrip!.Stop && EndsWithStrip(pending.Count - kept); i++)
            kept += strip!.Length;
        return kept;
    }

    bool EndsWithStrip(int end)
    {
        int start = end - strip!.Length;
        if (start < 0)
            return false;
        for (int i = 0; i < strip.Length; i++)
        {
            if (pending[start + i] != strip[i])
                return false;
        }
        return true;
    }

    string ToText(byte[] bytes, bool ended)
    {
        var chars = new char[utf8.GetCharCount(bytes, ended)];
        utf8.GetChars(bytes, chars, ended);
        return new string(chars);
    }
}
