namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// The patterns of GPT-2, Llama 3 and Qwen (after GPT-4's cl100k) by hand: many times faster than a regular expression, and right for
/// code points beyond the basic plane, which .NET's expressions see as two characters.
/// </summary>
internal sealed class GptScanner : Matcher
{
    /// <summary>The pattern of GPT-2.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of Llama 3: numbers are cut into groups of at most three digits.</summary>
    public const string Llama3Pattern = ClassicHead + @"\p{N}{1,3}" + ClassicTail;

    /// <summary>The pattern of Qwen 2 and 3: every digit is a piece of its own.</summary>
    public const string QwenPattern = ClassicHead + @"\p{N}" + ClassicTail;

    const string ClassicHead = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    const string ClassicTail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    readonly bool gpt2;
    readonly int mostDigits;

    GptScanner(bool gpt2, int mostDigits)
    {
        this.gpt2 = gpt2;
        this.mostDigits = mostDigits;
    }

    /// <summary>GPT-2's scanner.</summary>
    public static GptScanner Gpt2 { get; } = new(gpt2: true, int.MaxValue);

    /// <inheritdoc/>
    public override bool CoversAll => true;

    /// <summary>The scanner that means the same as <paramref name="pattern"/>, or null where none does.</summary>
    public static GptScanner? For(string pattern) => pattern switch
    {
        Gpt2Pattern => Gpt2,
        Llama3Pattern => new GptScanner(gpt2: false, 3),
        QwenPattern => new GptScanner(gpt2: false, 1),
        _ => null,
    };

    /// <inheritdoc/>
    public override void Match(ReadOnlySpan<char> text, int offset, List<Piece> matches)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = gpt2 ? EndGpt2(text, start) : EndCl100k(text, start);
            matches.Add(new Piece(offset + start, offset + end));
            start = end;
        }
    }

    static int EndGpt2(ReadOnlySpan<char> text, int start)
    {
        char c = text[start];
        if (c == '\'' && Contraction(text, start, anyCase: false) is int length and > 0)
            return start + length;
        int first = c == ' ' && start + 1 < text.Length ? start + 1 : start;
        byte kind = CharClass.At(text, first, out _);
        return kind == CharClass.Space ? EndOfSpaces(text, start) : CharClass.EndOfRun(text, first, kind);
    }

    int EndCl100k(ReadOnlySpan<char> text, int start)
    {
        char c = text[start];
        if (c == '\'' && Contraction(text, start, anyCase: true) is int length and > 0)
            return start + length;

        byte kind = CharClass.At(text, start, out int width);
        if (kind == CharClass.Letter)
            return CharClass.EndOfRun(text, start, CharClass.Letter);
        if (kind == CharClass.Number)
            return CharClass.EndOfRun(text, start, CharClass.Number, mostDigits);

        // Any one character but a line break may lead a word.
        int second = start + width;
        byte secondKind = second < text.Length ? CharClass.At(text, second, out _) : CharClass.Space;
        if (secondKind == CharClass.Letter && c is not ('\r' or '\n'))
            return CharClass.EndOfRun(text, second, CharClass.Letter);

        if (kind == CharClass.Other || (c == ' ' && secondKind == CharClass.Other))
        {
            int end = CharClass.EndOfRun(text, kind == CharClass.Other ? start : second, CharClass.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
                end++;
            return end;
        }

        int lastBreak = text[start..CharClass.EndOfRun(text, start, CharClass.Space)].LastIndexOfAny('\r', '\n');
        return lastBreak >= 0 ? start + lastBreak + 1 : EndOfSpaces(text, start);
    }

    /// <summary>A run of spaces leaves its last one to the word behind it.</summary>
    static int EndOfSpaces(ReadOnlySpan<char> text, int start)
    {
        int end = CharClass.EndOfRun(text, start, CharClass.Space);
        return end == text.Length || end - start == 1 ? end : end - 1;
    }

    /// <summary>The length of an English contraction ('s, 'll, …) at <paramref name="start"/>, or 0.</summary>
    static int Contraction(ReadOnlySpan<char> text, int start, bool anyCase)
    {
        char first = Letter(text, start + 1, anyCase);
        if (first is 's' or 't' or 'm' or 'd')
            return 2;
        char second = Letter(text, start + 2, anyCase);
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    static char Letter(ReadOnlySpan<char> text, int index, bool anyCase)
    {
        const char LongS = 'ſ';
        if (index >= text.Length)
            return '\0';
        char c = text[index];
        if (!anyCase)
            return c;
        return c == LongS ? 's' : char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
    }
}
