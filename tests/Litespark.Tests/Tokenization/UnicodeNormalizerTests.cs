using System.Security.Cryptography;
using System.Text;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tests.Tokenization;

public class UnicodeNormalizerTests
{
    /// <summary>The hashes are Node.js's (Unicode 17) of the same texts.</summary>
    [Theory]
    [InlineData(false, true, "d01ef0d7f2e5562ebbcb0266f8dad58d")]
    [InlineData(false, false, "794d042240f8ee08745d63283d17cf2d")]
    [InlineData(true, true, "023a6dd8fcb1d1fe838e39d794da9c75")]
    [InlineData(true, false, "6aacd9567367981b717a7c5da1c44fba")]
    public void Every_code_point_among_marks_and_jamo_is_as_in_an_independent_implementation(bool compatible, bool composed, string expected)
    {
        var normalizer = new UnicodeNormalizer(compatible, composed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int c = 0; c < 0x110000; c++)
        {
            if (c is >= 0xD800 and < 0xE000)
                continue;
            string self = char.ConvertFromUtf32(c);
            hash.AppendData(Encoding.UTF8.GetBytes(normalizer.Apply($"a{self}\u0301\u0323{self}\u1161\u11a8")));
        }
        Assert.Equal(expected, Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16)));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("日本語 é \uDC80\uDCFF")]
    public void Text_that_is_in_its_form_stays_the_same_object(string text)
    {
        Assert.Same(text, new UnicodeNormalizer(compatible: false, composed: true).Apply(text));
    }

    [Fact]
    public void Escaped_bytes_survive() => Assert.Equal("\uDC80é\uDCFF", new UnicodeNormalizer(compatible: true, composed: true).Apply("\uDC80e\u0301\uDCFF"));
}
