using Litespark.Tokenization;

namespace Litespark.Tests.Data;

/// <summary>One token per byte, end-of-text behind them.</summary>
internal sealed class ByteEncoder(int vocabSize = 257, string fingerprint = "bytes") : ITextEncoder
{
    public int VocabSize => vocabSize;

    public int EndOfTextId => 256;

    public string Fingerprint => fingerprint;

    public void Encode(ReadOnlySpan<byte> text, List<int> tokens)
    {
        foreach (byte b in text) tokens.Add(b);
    }
}
