using System.CommandLine;
using System.Globalization;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Verbs;

/// <summary>Options that several verbs share.</summary>
internal static class Parameters
{
    /// <summary>Numbers of threads: one, several with commas, or all.</summary>
    public static Option<string> Threads(string fallback = "all") => new("--threads")
    {
        HelpName = "N,…|all",
        Description = "Threads that compute",
        DefaultValueFactory = _ => fallback,
    };

    /// <summary>Turns of each side.</summary>
    public static Option<int> Rounds(int fallback) => new("--rounds") { Description = "Turns of each side; the median counts", DefaultValueFactory = _ => fallback };

    /// <summary>Model sizes: 15m, 110m or all.</summary>
    public static Option<string> Size(string fallback) => new("--size") { HelpName = "15m|110m|all", Description = "Model whose shapes are measured", DefaultValueFactory = _ => fallback };

    /// <summary>The numbers of threads that were asked for.</summary>
    public static int[] ParseThreads(string text) => text == "all" ? [Environment.ProcessorCount] : ParseNumbers("--threads", text);

    /// <summary>Positive numbers with commas between them.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public static int[] ParseNumbers(string option, string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        int[] numbers = [.. parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0)];
        if (numbers.Length == 0 || numbers.Any(number => number < 1)) throw new UserErrorException($"{option}: expected positive numbers with commas between them, found '{text}'.");
        return numbers;
    }

    /// <summary>1, 2, 4 … and the last: how many threads a scaling table has.</summary>
    public static int[] PowersOfTwo(int last)
    {
        var numbers = new List<int>();
        for (int n = 1; n < last; n *= 2) numbers.Add(n);
        return [.. numbers, last];
    }

    /// <summary>A positive count.</summary>
    /// <exception cref="UserErrorException">It is none.</exception>
    public static int AtLeastOne(string option, int value) => value >= 1 ? value : throw new UserErrorException($"{option}: expected at least 1, found {value}.");

    /// <summary>OpenBLAS, or null with a line in the report that says why not. To be called before any thread of ours exists: see <see cref="OpenBlas"/>.</summary>
    public static OpenBlas? FindOpenBlas(Report report)
    {
        OpenBlas? found = OpenBlas.Find();
        if (found is null) report.Line(OpenBlas.Missing);
        else report.Version("OpenBLAS", $"{found.Description} ({found.Path})");
        return found;
    }

    /// <summary>OpenBLAS for a comparison on so many threads, or null with a line in the report that says why it would not be fair.</summary>
    public static OpenBlas? ForThreads(OpenBlas? found, int threads, Report report)
    {
        if (found?.Refusal(threads) is not { } refusal) return found;
        report.Line(refusal);
        return null;
    }
}
