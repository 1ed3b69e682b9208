using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;

namespace Litespark.Tests;

/// <summary>Shared libraries that stand in for NVIDIA's, built by gcc from the C files beside the tests.</summary>
static class StandInLibrary
{
    static readonly Lazy<bool> hasGcc = new(() => OperatingSystem.IsLinux() && Gcc("--version") is { ExitCode: 0 });

    /// <summary>Whether stand-ins can be built here.</summary>
    public static bool CanBuild => hasGcc.Value;

    public const string Missing = "stand-in libraries are built by gcc, which is not installed";

    /// <summary>Builds a library from embedded C files; their headers are put beside it.</summary>
    public static void BuildFile(string output, params string[] embedded)
    {
        foreach (string header in embedded.Where(IsHeader)) File.WriteAllText(Path.Combine(Path.GetDirectoryName(output)!, header), Read(header));
        BuildAll(output, [.. embedded.Where(file => !IsHeader(file)).Select(Read)]);
    }

    /// <summary>Builds a library from C text.</summary>
    public static void Build(string text, string output) => BuildAll(output, text);

    static bool IsHeader(string file) => file.EndsWith(".h", StringComparison.Ordinal);

    static void BuildAll(string output, params string[] texts)
    {
        string[] sources = [.. texts.Select((_, i) => $"{output}.{i}.c")];
        for (int i = 0; i < texts.Length; i++) File.WriteAllText(sources[i], texts[i]);
        (int code, string messages) = Gcc(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-ffp-contract=off", "-o", output, .. sources, "-lm"])!.Value;
        Assert.True(code == 0, messages);
        foreach (string source in sources) File.Delete(source);
    }

    static string Read(string embedded)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(embedded) ?? throw new ArgumentException(embedded);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Runs the compiler; null where there is none.</summary>
    public static (int ExitCode, string Messages)? Gcc(params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            string messages = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, messages);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}

/// <summary>A fact over a stand-in library.</summary>
sealed class StandInFactAttribute : FactAttribute
{
    public StandInFactAttribute() => Skip = StandInLibrary.CanBuild ? null : StandInLibrary.Missing;
}

/// <summary>A theory over a stand-in library.</summary>
sealed class StandInTheoryAttribute : TheoryAttribute
{
    public StandInTheoryAttribute() => Skip = StandInLibrary.CanBuild ? null : StandInLibrary.Missing;
}
