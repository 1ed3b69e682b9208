using System.Text;
using Litespark.Data;
using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

public sealed class TextFilesTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_text_file_is_one_document()
    {
        folder.Write("a.txt", "first\n\nparagraphs\n");
        folder.Write("b.md", "\uFEFF# Title\n");
        Assert.Equal(["first\n\nparagraphs\n", "# Title\n"], DataFolder.ReadTexts(folder.Options(folder.Path)));
    }

    [Theory]
    [InlineData("\n\n", 300)]
    [InlineData("\r\n\r\n", 700)]
    [InlineData("\n", 300)]
    [InlineData("", 300)]
    public void A_large_file_is_cut_into_bounded_documents_that_join_to_the_whole(string separator, int paragraph)
    {
        StringBuilder text = new();
        for (int i = 0; text.Length < 900_000; i++) text.Append($"{i} ").Append('é', paragraph).Append(separator);
        folder.Write("large.txt", text.ToString());
        List<Document> documents = DataFolder.Read(folder.Options(folder.Path), out CorpusStatistics statistics);

        Assert.True(documents.Count > 20);
        Assert.All(documents, d => Assert.InRange(d.Text.Length, 1, TextFiles.LargestPart));
        Assert.Equal(0, statistics.InvalidUtf8Documents); // No character is cut.
        string[] texts = [.. documents.Select(d => Encoding.UTF8.GetString(d.Text.Span))];
        Assert.Equal(text.ToString(), string.Concat(texts));
        Assert.All(texts[..^1], t => Assert.EndsWith(separator, t, StringComparison.Ordinal));
        Assert.Equal(1 + texts[0].Count(c => c == '\n'), documents[1].Line);
    }

    [Fact]
    public void Invalid_utf8_is_kept_and_counted()
    {
        byte[] bytes = [(byte)'a', 0xFF, 0xC3, (byte)'b'];
        folder.Write("bad.txt", bytes);
        folder.Write("good.txt", "é");
        List<Document> documents = DataFolder.Read(folder.Options(folder.Path), out CorpusStatistics statistics);
        Assert.Equal(bytes, documents[0].Text.ToArray());
        Assert.Equal(1, statistics.InvalidUtf8Documents);
    }

    [Fact]
    public void Utf16_is_an_error_that_says_so()
    {
        folder.Write("wide.txt", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("text")).ToArray());
        UserErrorException error = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(folder.Path)));
        Assert.Contains("wide.txt", error.Message);
        Assert.Contains("UTF-16", error.Message);
    }

    [Fact]
    public void A_corpus_without_text_is_an_error()
    {
        folder.Write("empty.txt", "");
        UserErrorException error = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(folder.Path)));
        Assert.Contains("holds no text", error.Message);
        Assert.Contains(folder.Path, error.Message);
    }

    [Fact]
    public void An_unreadable_file_is_an_error_that_names_it()
    {
        string path = folder.Write("locked.txt", "text");
        DataOptions options = folder.Options(path);
        CorpusReader reader = new(options.ResolveSources()[0], options);
        File.Delete(path); // Gone between listing and reading: permissions do not stop a test that runs as root.
        Assert.Contains("locked.txt", Assert.Throws<UserErrorException>(() => reader.Read().ToList()).Message);
    }
}
