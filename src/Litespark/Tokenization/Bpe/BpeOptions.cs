namespace Litespark.Tokenization.Bpe;

/// <summary>The switches of tokenizer.json's BPE model.</summary>
/// <param name="ByteFallback">Characters that are not in the vocabulary become tokens &lt;0xNN&gt;, one per byte.</param>
/// <param name="IgnoreMerges">A piece that is a token is that token, whatever the merges say.</param>
/// <param name="FuseUnknown">A run of unknown characters is one unknown token.</param>
/// <param name="UnknownToken">What stands for unknown characters; null: they are dropped.</param>
internal readonly record struct BpeOptions(bool ByteFallback, bool IgnoreMerges, bool FuseUnknown, string? UnknownToken);
