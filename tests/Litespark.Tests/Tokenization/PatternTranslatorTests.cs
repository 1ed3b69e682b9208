using System.Text.RegularExpressions;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tests.Tokenization;

public class PatternTranslatorTests
{
    [Theory]
    [InlineData(@"a?+b++c*+", @"(?>a?)(?>b+)(?>c*)")]
    [InlineData(@"(a|b)++ [^]\]x]*+", @"(?>(a|b)+) (?>[^]\]x]*)")]
    [InlineData(@"\p{N}{1,3}+|\++", @"(?:\p{N}{1,3})+|\++")]
    [InlineData(@"\+++", @"(?>\++)")]
    [InlineData(@"(?:a(?i:b)?+)*+", @"(?>(?:a(?>(?i:b)?))*)")]
    [InlineData(@"a+?b??c{2}?", @"a+?b??c{2}?")]
    [InlineData(@"(?!x)(?=y)(?<!z)", @"(?!x)(?=y)(?<!z)")]
    [InlineData(@"\w[\\w\w]\W", @"[\p{L}\p{M}\p{N}\p{Pc}][\\w\p{L}\p{M}\p{N}\p{Pc}][^\p{L}\p{M}\p{N}\p{Pc}]")]
    public void Oniguruma_becomes_dotnet(string pattern, string expected)
    {
        Assert.Equal(expected, PatternTranslator.Translate(pattern));
        Assert.NotNull(new Regex(PatternTranslator.Translate(pattern)));
    }

    [Fact]
    public void Code_points_beyond_the_basic_plane_are_letters_numbers_and_symbols()
    {
        var matches = new List<Piece>();
        new RegexMatcher(@"\p{L}+|\p{N}|[^\p{L}\p{N}]").Match("𠀀a𝟎𝟏😀", 5, matches);
        Assert.Equal([new(5, 8), new(8, 10), new(10, 12), new(12, 14)], matches);
    }
}
