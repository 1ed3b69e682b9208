using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// Which of its kernels OpenBLAS uses. It goes by the processor's model number, and where it does not know that (one that is newer than the library)
/// it takes some for SSE3, which is five times too slow to be compared with. So each set that the processor can run is tried in a process
/// of its own, and the fastest one is used, by PyTorch too.
/// </summary>
internal static partial class OpenBlasKernels
{
    /// <summary>OpenBLAS's own variable, read when the library is loaded. A value that the environment has is one candidate more: a peer is measured at its best.</summary>
    public const string Variable = "OPENBLAS_CORETYPE";

    // Sets for AVX2, AVX-512, and AVX-512 with bf16, by the names that releases from 0.3.11 on know. Kernels of instructions that a processor lacks end the process.
    static readonly string[] Sets = ["Haswell", "SkylakeX", "Cooperlake"];

    // Turns of each: neighbours on the machine may take half of one.
    const int Turns = 2;

    static bool chosen;

    /// <summary>Chooses, once, for this process and those that it starts. To be called before OpenBLAS is loaded.</summary>
    public static void Choose()
    {
        if (chosen || RuntimeInformation.ProcessArchitecture != Architecture.X64) return;
        chosen = true;
        string? given = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } value ? value : null;
        string?[] candidates = [.. Sets.Prepend(given).Prepend(null).Distinct(StringComparer.OrdinalIgnoreCase)];
        var rates = new List<(string? Set, double Rate)>();
        for (int turn = 0; turn < Turns; turn++) rates.AddRange(candidates.Select(set => (set, Rate(set))));
        if (!rates.Any(one => one.Rate > 0)) return;
        string? best = Fastest(rates);
        if (string.Equals(best, given, StringComparison.OrdinalIgnoreCase)) return;
        if (given is not null) Console.Error.WriteLine($"{Variable}={given} is not OpenBLAS's best here: {best ?? "its own choice"} is used instead.");
        Environment.SetEnvironmentVariable(Variable, best);
        if (OperatingSystem.IsWindows()) return;
        // The runtime's variables are its own: native code does not see them.
        if (best is null) _ = RemoveVariable(Variable);
        else _ = SetVariable(Variable, best, 1);
    }

    /// <summary>The set to ask for; null where it is the library's own choice (a null among what was tried) or where nothing ran.</summary>
    internal static string? Fastest(IEnumerable<(string? Set, double Rate)> tried) => tried.MaxBy(one => one.Rate) is { Rate: > 0 } best ? best.Set : null;

    /// <summary>GFLOP/s with a set of kernels, or with the library's own choice; 0 where there is no such set, no library, or not the instructions.</summary>
    static double Rate(string? set)
    {
        try
        {
            JsonNode line = JsonNode.Parse(ChildProcess.RunHarness(new Dictionary<string, string?> { [Variable] = set }, "openblas"))!;
            // A library that does not know the name makes its own choice.
            if (set is not null && !string.Equals((string?)line["kernels"], set, StringComparison.OrdinalIgnoreCase)) return 0;
            return double.Parse(line["gflops"]!.ToString(), CultureInfo.InvariantCulture);
        }
        catch (Exception failed) when (failed is RunFailureException or UserErrorException)
        {
            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveVariable(string name);
}
