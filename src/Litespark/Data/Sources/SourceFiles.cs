using System.Text;
using System.Text.RegularExpressions;

namespace Litespark.Data.Sources;

/// <summary>Turns paths, folders and globs into a sorted list of files.</summary>
internal static class SourceFiles
{
    /// <summary>What text sources may end with.</summary>
    public static readonly string[] TextExtensions = [.. new[] { ".txt", ".md", ".xml", ".jsonl" }.SelectMany(e => new[] { e, e + ".gz", e + ".zst" })];

    static readonly char[] Wildcards = ['*', '?'];

    /// <summary>
    /// All files that <paramref name="paths"/> name, each once, in ordinal order. Folders and globs take files with one of
    /// the <paramref name="extensions"/>, and leave out hidden ones; a file named outright must have one of them.
    /// </summary>
    /// <exception cref="UserErrorException">A path names nothing, or a file of another kind.</exception>
    public static List<string> Find(IReadOnlyList<string> paths, IReadOnlyList<string> extensions)
    {
        SortedSet<string> all = new(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            string expanded = ExpandHome(path);
            List<string> found = [];
            try
            {
                if (File.Exists(expanded)) found.Add(CheckExtension(expanded, extensions));
                else if (Directory.Exists(expanded)) AddFolder(expanded, extensions, _ => true, found, []);
                else if (expanded.IndexOfAny(Wildcards) >= 0) AddGlob(expanded, extensions, found);
                else throw new UserErrorException($"{path}: no such file or folder (looked in {Directory.GetCurrentDirectory()}).");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new UserErrorException($"{path}: cannot be read: {e.Message}", e);
            }
            if (found.Count == 0)
                throw new UserErrorException($"{path}: no files found there that end in {string.Join(", ", extensions)}.");
            all.UnionWith(found);
        }
        return [.. all];
    }

    static string ExpandHome(string path) => path.StartsWith("~/", StringComparison.Ordinal)
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), path[2..])
        : path;

    static bool HasExtension(string file, IReadOnlyList<string> extensions) =>
        extensions.Any(extension => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    static string CheckExtension(string file, IReadOnlyList<string> extensions) => HasExtension(file, extensions)
        ? file
        : throw new UserErrorException($"{file}: files of this kind are not read here; supported are {string.Join(", ", extensions)}.");

    static void AddGlob(string glob, IReadOnlyList<string> extensions, List<string> found)
    {
        string pattern = glob.Replace('\\', '/');
        int rootEnd = pattern.LastIndexOf('/', pattern.IndexOfAny(Wildcards));
        string root = rootEnd < 0 ? "." : pattern[..Math.Max(rootEnd, 1)];
        if (!Directory.Exists(root)) throw new UserErrorException($"{glob}: there is no folder {root}.");
        Regex regex = ToRegex(pattern);
        int prefix = rootEnd < 0 ? 2 : 0; // Files under "." are listed as "./name".
        AddFolder(root, extensions, file => regex.IsMatch(file[prefix..].Replace('\\', '/')), found, []);
    }

    static void AddFolder(string folder, IReadOnlyList<string> extensions, Func<string, bool> accept, List<string> found, HashSet<string> seen)
    {
        // Links to folders are followed, but no folder is entered twice: a link may point to its own parent.
        string real = new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(folder);
        if (!seen.Add(real)) return;
        foreach (string file in Directory.EnumerateFiles(folder))
            if (!Path.GetFileName(file).StartsWith('.') && HasExtension(file, extensions) && accept(file)) found.Add(file);
        foreach (string child in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
            if (!Path.GetFileName(child).StartsWith('.')) AddFolder(child, extensions, accept, found, seen);
    }

    /// <summary><c>**/</c> = any folders, <c>*</c> = within a name, <c>?</c> = one character of a name.</summary>
    static Regex ToRegex(string glob)
    {
        StringBuilder regex = new("^");
        for (int i = 0; i < glob.Length; i++)
        {
            if (glob.AsSpan(i).StartsWith("**/"))
            {
                regex.Append("(?:.*/)?");
                i += 2;
            }
            else if (glob.AsSpan(i).StartsWith("**"))
            {
                regex.Append(".*");
                i++;
            }
            else if (glob[i] == '*') regex.Append("[^/]*");
            else if (glob[i] == '?') regex.Append("[^/]");
            else regex.Append(Regex.Escape(glob[i].ToString()));
        }
        return new Regex(regex.Append('$').ToString(), RegexOptions.CultureInvariant);
    }
}
