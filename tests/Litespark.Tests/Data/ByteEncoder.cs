using Litespark.Tokenization;

namespace Litespark.Tests.Data;

/// <summary>One token per byte, end-of-text behind them, a prefix before them if asked for.</summary>
internal sealed class ByteEncoder(int vocabSize = 257, string fingerprint = "bytes", params int[] prefix) : ITextEncoder
{
    public int VocabSize => vocabSize;

    public int EndOfTextId => 256;

    public string Fingerprint => fingerprint;

    public IReadOnlyList<int> DocumentPrefix => prefix;

    public void Encode(ReadOnlySpan<byte> text, List<int> tokens)
    {
        foreach (byte b in text) tokens.Add(b);
    }
}
