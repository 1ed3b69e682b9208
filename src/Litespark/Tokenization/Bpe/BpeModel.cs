using System.Globalization;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Bpe;

/// <summary>
/// A byte-pair-encoding vocabulary and its merges (Sennrich et al., 2016, arXiv:1508.07909), as tokenizer.json's "model" holds them.
/// Immutable.
/// </summary>
internal sealed class BpeModel
{
    /// <summary>No such token.</summary>
    public const int None = -1;

    readonly Dictionary<string, int> ids;
    readonly string?[] tokens;
    readonly PairTable pairs;
    readonly int[] results;
    readonly int[] byteIds = new int[256];
    readonly int[] fallbackIds = new int[256];
    readonly bool hasFallback;

    /// <summary>Builds the tables.</summary>
    /// <param name="ids">Token text (of <see cref="ByteAlphabet"/> if byte-level) to id.</param>
    /// <param name="merges">Pairs of token texts; earlier ones go first.</param>
    /// <param name="options">The model's switches.</param>
    /// <exception cref="UserErrorException">A merge names a token that is not in the vocabulary.</exception>
    public BpeModel(Dictionary<string, int> ids, IReadOnlyList<(string Left, string Right)> merges, BpeOptions options)
    {
        this.ids = ids;
        Options = options;
        tokens = new string?[ids.Count == 0 ? 0 : ids.Values.Max() + 1];
        foreach ((string token, int id) in ids)
            tokens[id] = token;

        pairs = new PairTable(merges.Count);
        results = new int[merges.Count];
        Merges = new (int, int)[merges.Count];
        CutsAtMarker = true;
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (string left, string right) = merges[rank];
            Merges[rank] = (Require(left), Require(right));
            string whole = left + right;
            results[rank] = Require(whole);
            pairs.TryAdd(Merges[rank].Left, Merges[rank].Right, rank);
            CutsAtMarker &= !HasInnerMarker(whole);
        }

        for (int value = 0; value < 256; value++)
        {
            byteIds[value] = IdOf(ByteAlphabet.ToChar((byte)value).ToString());
            fallbackIds[value] = IdOf(FallbackToken((byte)value));
        }
        hasFallback = options.ByteFallback && !fallbackIds.Contains(None);
        UnknownId = options.UnknownToken is null ? None : Require(options.UnknownToken);
        CutsAtMarker &= ids.ContainsKey(SpaceMarker.ToString()) && !options.IgnoreMerges;
    }

    /// <summary>SentencePiece's visible space.</summary>
    public const char SpaceMarker = '▁';

    /// <summary>The model's switches.</summary>
    public BpeOptions Options { get; }

    /// <summary>The merges as ids, by rank.</summary>
    public (int Left, int Right)[] Merges { get; }

    /// <summary>Token texts by id; null where an id is not used.</summary>
    public IReadOnlyList<string?> Tokens => tokens;

    /// <summary>The token that stands for unknown characters, or <see cref="None"/>.</summary>
    public int UnknownId { get; }

    /// <summary>
    /// Whether no merge ever joins a space marker to something before it that is not one. Then text may be cut before such markers
    /// without changing its tokens, which makes a text without pre-tokenization as cheap as one with.
    /// </summary>
    public bool CutsAtMarker { get; }

    /// <summary>The id of a token's text, or <see cref="None"/>.</summary>
    public int IdOf(string token) => ids.GetValueOrDefault(token, None);

    /// <summary>The id of a token's text, or <see cref="None"/>.</summary>
    public int IdOf(ReadOnlySpan<char> token) =>
        ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out int id) ? id : None;

    /// <summary>The rank of the merge of two tokens; <see cref="int.MaxValue"/> where they don't merge.</summary>
    public int Rank(int left, int right) => pairs.Get(left, right);

    /// <summary>What the merge of a rank makes.</summary>
    public int Result(int rank) => results[rank];

    /// <summary>How byte fallback writes a byte: &lt;0x0A&gt;.</summary>
    public static string FallbackToken(byte value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    /// <summary>The tokens to begin with for byte-level text: one per byte.</summary>
    public void AddBytes(ReadOnlySpan<byte> bytes, List<int> symbols)
    {
        var unknowns = new UnknownRun(this, symbols);
        foreach (byte value in bytes)
        {
            if (byteIds[value] != None)
                unknowns.Known(byteIds[value]);
            else
                unknowns.Unknown();
        }
    }

    /// <summary>
    /// The tokens to begin with for character-level text: one per character, or one per byte where it isn't in the vocabulary.
    /// </summary>
    public void AddCharacters(ReadOnlySpan<char> text, List<int> symbols)
    {
        var unknowns = new UnknownRun(this, symbols);
        Span<byte> bytes = stackalloc byte[4];
        for (int i = 0; i < text.Length;)
        {
            int length = EscapedText.IsEscape(text[i]) ? 1 : EscapedText.RuneAt(text, i).Utf16SequenceLength;
            ReadOnlySpan<char> character = text.Slice(i, length);
            i += length;
            int id = IdOf(character);
            if (id != None)
            {
                unknowns.Known(id);
            }
            else if (hasFallback)
            {
                foreach (byte value in bytes[..EscapedText.Encode(character, bytes)])
                    unknowns.Known(fallbackIds[value]);
            }
            else
            {
                unknowns.Unknown();
            }
        }
    }

    static bool HasInnerMarker(string token)
    {
        for (int i = 1; i < token.Length; i++)
        {
            if (token[i] == SpaceMarker && token[i - 1] != SpaceMarker)
                return true;
        }
        return false;
    }

    int Require(string token)
    {
        int id = IdOf(token);
        return id != None ? id : throw new UserErrorException($"the token \"{token}\" is used by a merge or as unk_token but is not in model.vocab");
    }

    /// <summary>
    /// Writes unknown characters as the unknown token, a run of them as one if the model says so; drops them without such a token.
    /// </summary>
    ref struct UnknownRun(BpeModel model, List<int> symbols)
    {
        bool inRun;

        public void Known(int id)
        {
            symbols.Add(id);
            inRun = false;
        }

        public void Unknown()
        {
            if (model.UnknownId != None && !(inRun && model.Options.FuseUnknown))
                symbols.Add(model.UnknownId);
            inRun = true;
        }
    }
}
