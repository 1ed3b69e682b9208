using System.Text;
using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

public sealed class JsonLinesTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_text_of_every_object_is_a_document_with_its_line()
    {
        string path = folder.Write("a.jsonl", "\uFEFF{\"meta\": {\"text\": \"not this\"}, \"text\": \"one\"}\r\n\n  \n{\"text\":\"two\",\"n\":[1,2]}");
        List<Document> documents = DataFolder.Read(folder.Options(path), out _);
        Assert.Equal(["one", "two"], documents.Select(d => Encoding.UTF8.GetString(d.Text.Span)));
        Assert.Equal([1, 4], documents.Select(d => d.Line));
        Assert.All(documents, d => Assert.Equal(path, d.Origin));
    }

    [Fact]
    public void Another_field_can_hold_the_text()
    {
        string path = folder.Write("a.jsonl", "{\"text\": 1, \"content\": \"this\"}\n");
        Assert.Equal(["this"], DataFolder.ReadTexts(folder.Options(path) with { TextField = "content" }));
    }

    [Theory]
    [InlineData("""tab\t \"quoted\" \\ \/ line\n\r\b\f""", "tab\t \"quoted\" \\ / line\n\r\b\f")]
    [InlineData("""\u0041\u00e9\u20AC\ud83d\ude00!""", "Aé€😀!")]
    [InlineData("""lone \ud83d and \ude00, twice \ud83d\ud83d\ude00""", "lone \uFFFD and \uFFFD, twice \uFFFD😀")]
    [InlineData("""end \ud83d""", "end \uFFFD")]
    public void Escapes_are_resolved(string escaped, string expected)
    {
        string path = folder.Write("a.jsonl", $"{{\"text\": \"{escaped}\"}}\n");
        Assert.Equal([expected], DataFolder.ReadTexts(folder.Options(path)));
    }

    [Fact]
    public void Invalid_utf8_inside_a_string_is_kept_and_counted()
    {
        string path = folder.Write("a.jsonl", [.. "{\"text\": \"a"u8, 0xFF, .. "\\n\"}\n"u8]);
        List<Document> documents = DataFolder.Read(folder.Options(path), out CorpusStatistics statistics);
        Assert.Equal([(byte)'a', 0xFF, (byte)'\n'], documents[0].Text.ToArray());
        Assert.Equal(1, statistics.InvalidUtf8Documents);
    }

    [Fact]
    public void Broken_lines_are_counted_and_skipped_up_to_the_limit()
    {
        string path = folder.Write("a.jsonl", "{\"text\": \"one\"}\n{\"text\": \n[1]\n{\"text\": 5}\n{\"body\": \"x\"}\n{\"text\": \"a\"} x\n{\"text\": \"two\"}\n");
        List<Document> documents = DataFolder.Read(folder.Options(path) with { MaxBadLines = 5 }, out CorpusStatistics statistics);
        Assert.Equal(2, documents.Count);
        Assert.Equal(5, statistics.BadLines);
        Assert.StartsWith($"{path}, line 2: broken JSON", statistics.BadLineExamples[0]);

        UserErrorException error = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(path) with { MaxBadLines = 4 }));
        Assert.Contains($"{path}, line 6: broken JSON", error.Message);
        Assert.Contains("max_bad_lines", error.Message);
    }

    [Fact]
    public void A_missing_field_is_named_together_with_those_there_are()
    {
        string path = folder.Write("a.jsonl", "{\"id\": 1, \"content\": \"x\"}\n");
        string message = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(path))).Message;
        Assert.Contains("has no field 'text' (it has: id, content)", message);
        Assert.Contains("line 1", message);
    }

    [Fact]
    public void Lines_longer_than_any_buffer_are_read_whole()
    {
        string text = new('x', 3_000_000);
        string path = folder.Write("a.jsonl", $"{{\"text\": \"{text}\"}}\n{{\"text\": \"short\"}}\n");
        Assert.Equal([text, "short"], DataFolder.ReadTexts(folder.Options(path)));
    }
}
