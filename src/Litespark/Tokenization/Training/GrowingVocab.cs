using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Training;

/// <summary>The vocabulary under training: 256 bytes in the order of their characters, then what merges make.</summary>
internal sealed class GrowingVocab
{
    readonly byte[] byteIds = new byte[256];
    readonly Dictionary<string, int> ids = [];

    /// <summary>Only the bytes.</summary>
    public GrowingVocab()
    {
        foreach (char c in Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToChar((byte)value)).Order())
        {
            byteIds[ByteAlphabet.ToByte(c)] = (byte)Tokens.Count;
            Add(c.ToString());
        }
    }

    /// <summary>Token texts by id.</summary>
    public List<string> Tokens { get; } = [];

    /// <summary>Merges in the order they were made.</summary>
    public List<(int Left, int Right)> Merges { get; } = [];

    /// <summary>The id of a byte.</summary>
    public byte OfByte(byte value) => byteIds[value];

    /// <summary>Records a merge; the id of what it makes, which may be there already by another way.</summary>
    public int Join(int left, int right)
    {
        Merges.Add((left, right));
        string whole = Tokens[left] + Tokens[right];
        return ids.TryGetValue(whole, out int id) ? id : Add(whole);
    }

    int Add(string token)
    {
        ids.Add(token, Tokens.Count);
        Tokens.Add(token);
        return Tokens.Count - 1;
    }
}
