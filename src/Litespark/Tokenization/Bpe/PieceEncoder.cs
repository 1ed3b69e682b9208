using System.Runtime.InteropServices;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Bpe;

/// <summary>Pieces of text to token ids, with a cache of the short ones. Scratch of one thread.</summary>
internal sealed class PieceEncoder(BpeModel model, bool byteLevel)
{
    const int LongestCached = 64;
    const int MostCached = 1 << 16;

    readonly Merger merger = new(model);
    readonly Dictionary<string, int[]> cache = [];
    readonly List<int> symbols = [];
    byte[] bytes = [];

    /// <summary>Appends the tokens of one piece.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> output)
    {
        var lookup = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        bool cacheable = piece.Length <= LongestCached;
        if (cacheable && lookup.TryGetValue(piece, out int[]? known))
        {
            output.AddRange(known);
            return;
        }
        symbols.Clear();
        if (byteLevel)
            EncodeBytes(piece);
        else
            EncodeCharacters(piece);
        output.AddRange(CollectionsMarshal.AsSpan(symbols));
        if (!cacheable)
            return;
        if (cache.Count >= MostCached)
            cache.Clear();
        lookup[piece] = [.. symbols];
    }

    void EncodeBytes(ReadOnlySpan<char> piece)
    {
        int most = EscapedText.MaxBytes(piece.Length);
        if (bytes.Length < most)
            bytes = new byte[most];
        ReadOnlySpan<byte> encoded = bytes.AsSpan(0, EscapedText.Encode(piece, bytes));
        if (model.Options.IgnoreMerges && model.IdOf(ByteAlphabet.ToText(encoded)) is int id && id != BpeModel.None)
        {
            symbols.Add(id);
            return;
        }
        model.AddBytes(encoded, symbols);
        merger.Merge(symbols);
    }

    void EncodeCharacters(ReadOnlySpan<char> piece)
    {
        if (model.Options.IgnoreMerges && model.IdOf(piece) is int id && id != BpeModel.None)
        {
            symbols.Add(id);
            return;
        }
        model.AddCharacters(piece, symbols);
        merger.Merge(symbols);
    }
}
