using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Litespark.Tests;

/// <summary>Dependencies between the library's rooms point one way.</summary>
public class ArchitectureTests
{
    /// <summary>What each room may use besides itself.</summary>
    static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Graphs"] = [],
        ["Planning"] = ["Graphs"],
        ["Models"] = ["Graphs", "Planning"],
        ["Devices"] = ["Graphs", "Planning"],
        ["Tokenization"] = [],
        ["Data"] = ["Tokenization"],
        ["Energy"] = [],
        ["Reporting"] = ["Energy"],
        ["Checkpoints"] = ["Graphs", "Planning", "Models", "Tokenization"],
        ["Recipes"] = ["Graphs", "Planning", "Models", "Data", "Energy"],
        ["Training"] = ["Graphs", "Planning", "Models", "Devices", "Tokenization", "Data", "Energy", "Reporting", "Checkpoints", "Recipes"],
        ["Inference"] = ["Graphs", "Planning", "Models", "Devices", "Tokenization", "Data", "Energy", "Reporting", "Checkpoints", "Recipes", "Training"],
        ["SelfTesting"] = ["Graphs", "Planning", "Models", "Devices", "Data", "Energy", "Checkpoints", "Recipes", "Training", "Benchmarking"],
        ["Benchmarking"] = ["Graphs", "Planning", "Models", "Devices", "Tokenization", "Data", "Energy", "Reporting", "Checkpoints", "Recipes", "Training"],
    };

    [Fact]
    public void Rooms_use_only_rooms_below_them()
    {
        string library = Path.Combine(Root(), "src", "Litespark");
        foreach (string folder in Directory.GetDirectories(library).Where(folder => Path.GetFileName(folder) is not ("bin" or "obj")))
        {
            string room = Path.GetFileName(folder);
            Assert.True(Allowed.ContainsKey(room), $"{room} is a new room: say in this test what it may use");
            foreach (string file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
                foreach (Match used in Regex.Matches(File.ReadAllText(file), @"^using (?:static )?Litespark\.(\w+)", RegexOptions.Multiline))
                    Assert.True(used.Groups[1].Value == room || Allowed[room].Contains(used.Groups[1].Value), $"{file} uses {used.Groups[1].Value}");
        }
    }

    [Fact]
    public void No_source_file_is_longer_than_600_lines()
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Root(), "src"), "*.cs", SearchOption.AllDirectories))
            Assert.True(File.ReadLines(file).Count() <= 600, file);
    }

    static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", ".."));
}
