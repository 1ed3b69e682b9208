using System.Text;

namespace Litespark.Cli.Progress;

/// <summary>Text from outside, safe to show: control characters could move the cursor or worse.</summary>
internal static class PrintableText
{
    /// <summary>The text with U+FFFD for every control character but line breaks and tabs.</summary>
    public static string Of(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (char c in text) result.Append(char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c);
        return result.ToString();
    }
}
