using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

public sealed class SourceFilesTests : IDisposable
{
    readonly DataFolder folder = new();

    public SourceFilesTests()
    {
        foreach (string name in (string[])["b.txt", "a.md", "sub/c.txt", "sub/deep/d.jsonl.gz", ".hidden.txt", ".git/e.txt", "code.cs"]) folder.Write(name, "text");
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("", "a.md b.txt sub/c.txt sub/deep/d.jsonl.gz")]
    [InlineData("*", "a.md b.txt")]
    [InlineData("*.txt", "b.txt")]
    [InlineData("**/*.txt", "b.txt sub/c.txt")]
    [InlineData("**", "a.md b.txt sub/c.txt sub/deep/d.jsonl.gz")]
    [InlineData("s*/**/?.jsonl.gz", "sub/deep/d.jsonl.gz")]
    [InlineData("sub/*", "sub/c.txt")]
    [InlineData("b.txt", "b.txt")]
    public void Folders_and_globs_name_the_files_below_them_in_order(string path, string expected) =>
        Assert.Equal(expected, string.Join(' ', Find(folder[path])));

    [Fact]
    public void A_file_named_twice_is_taken_once() =>
        Assert.Equal(["a.md", "b.txt", "sub/c.txt"], Find(folder["b.txt"], folder["*.*"], folder["sub/c.txt"], folder["b.txt"]));

    [Fact]
    public void A_link_to_the_folder_above_does_not_run_in_circles()
    {
        Directory.CreateSymbolicLink(folder["sub/loop"], folder.Path);
        Assert.Equal(4, Find(folder.Path).Length);
    }

    [Theory]
    [InlineData("missing.txt", "no such file")]
    [InlineData("code.cs", "supported are .txt")]
    [InlineData("*.xml", "no files found")]
    [InlineData("nowhere/*.txt", "there is no folder")]
    public void A_path_that_names_nothing_is_an_error_with_the_path(string path, string message)
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => Find(folder[path]));
        Assert.Contains(path, error.Message);
        Assert.Contains(message, error.Message);
    }

    string[] Find(params string[] paths) =>
        [.. SourceFiles.Find(paths, SourceFiles.TextExtensions).Select(file => Path.GetRelativePath(folder.Path, file).Replace('\\', '/'))];
}
