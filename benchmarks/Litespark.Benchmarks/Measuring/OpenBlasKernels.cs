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
    /// <summary>OpenBLAS's own variable, read when the library is loaded. Where it is set, it counts, and nothing is tried.</summary>
    public const string Variable = "OPENBLAS_CORETYPE";

    // Sets for AVX2, AVX-512, and AVX-512 with bf16, by the names that releases from 0.3.11 on know; one that the processor cannot run is refused by the library.
    static readonly string[] Sets = ["Haswell", "SkylakeX", "Cooperlake"];

    // A gain that is no noise.
    const double Least = 1.05;

    static bool chosen;

    /// <summary>Chooses, once, for this process and those that it starts. To be called before OpenBLAS is loaded.</summary>
    public static void Choose()
    {
        if (chosen || RuntimeInformation.ProcessArchitecture != Architecture.X64 || Environment.GetEnvironmentVariable(Variable) is { Length: > 0 }) return;
        chosen = true;
        if (Fastest(Rate(null), Sets.Select(set => (set, Rate(set)))) is not { } best) return;
        Environment.SetEnvironmentVariable(Variable, best);
        if (!OperatingSystem.IsWindows()) SetVariable(Variable, best, 1); // the runtime's variables are its own: native code does not see them
    }

    /// <summary>The set to ask for, or null where the library's own choice is about as fast as any.</summary>
    internal static string? Fastest(double own, IEnumerable<(string Set, double Rate)> tried)
    {
        (string set, double rate) = tried.MaxBy(one => one.Rate);
        return rate > Least * own ? set : null;
    }

    /// <summary>GFLOP/s with a set of kernels, or with the library's own choice; 0 where there is no such set or no library.</summary>
    static double Rate(string? set)
    {
        try
        {
            string line = ChildProcess.RunHarness(new Dictionary<string, string?> { [Variable] = set }, "openblas");
            return double.Parse(JsonNode.Parse(line)!["gflops"]!.ToString(), CultureInfo.InvariantCulture);
        }
        catch (RunFailureException)
        {
            return 0; // kernels of instructions that the processor lacks may end the process
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
