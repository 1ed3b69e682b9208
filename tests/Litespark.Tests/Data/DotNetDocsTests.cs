using Litespark.Data;
using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

public sealed class DotNetDocsTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_newest_version_comes_first_and_copies_are_left_out()
    {
        folder.Write("sdk/packs/A.Ref/9.0.2/ref/net9.0/Core.xml", "old");
        folder.Write("sdk/packs/A.Ref/10.0.1/ref/net10.0/Core.xml", "new");
        folder.Write("sdk/packs/B.Ref/10.0.1/ref/net10.0/Core.xml", "new");
        folder.Write("sdk/packs/B.Ref/10.0.1/ref/net10.0/More.xml", "more");
        folder.Write("sdk/packs/B.Ref/10.0.1/data/Else.xml", "else");
        Assert.Equal(
            ["A.Ref/10.0.1/ref/net10.0/Core.xml", "A.Ref/9.0.2/ref/net9.0/Core.xml", "B.Ref/10.0.1/ref/net10.0/More.xml"],
            DotNetDocs.FindFiles([folder["nothing"], folder["sdk"]]).Select(file => Path.GetRelativePath(folder["sdk/packs"], file).Replace('\\', '/')));
    }

    [Fact]
    public void Without_an_sdk_the_error_says_what_to_do()
    {
        string message = Assert.Throws<UserErrorException>(() => DotNetDocs.FindFiles([folder["nothing"]])).Message;
        Assert.Contains("Install the .NET SDK", message);
        Assert.Contains("data.train", message);
        Assert.Contains(folder["nothing"], message);
    }

    [Fact]
    public void The_sdk_that_runs_this_test_has_documentation_that_reads_as_text()
    {
        List<string> files = DotNetDocs.FindFiles();
        string file = files.First(f => Path.GetFileName(f) == "System.Collections.xml");
        string[] texts = DataFolder.ReadTexts(new DataOptions { Train = [file] });
        Assert.True(texts.Length > 20);
        string list = texts.First(t => t.StartsWith("# LinkedList<T>\n", StringComparison.Ordinal));
        Assert.Contains("## LinkedList<T>.AddAfter(LinkedListNode<T> node, T value)", list);
        Assert.DoesNotContain("cref", list);
    }
}
