using System.Globalization;
using System.Text.RegularExpressions;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>What ptxas reports of a kernel.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SharedBytes">Shared memory known to the compiler, of a block.</param>
/// <param name="StackBytes">Local memory of a thread.</param>
/// <param name="SpillBytes">Bytes that a thread writes to and reads from local memory for want of registers.</param>
sealed partial record CompiledKernel(string Name, int Registers, int SharedBytes, int StackBytes, int SpillBytes)
{
    /// <summary>Reads the messages of <c>--ptxas-options=-v</c>.</summary>
    public static IReadOnlyList<CompiledKernel> Parse(string log)
    {
        var kernels = new List<CompiledKernel>();
        foreach (Match entry in Entry().Matches(log))
        {
            string report = log[entry.Index..];
            if (Entry().Match(report, entry.Length) is { Success: true } next) report = report[..next.Index];
            Match properties = Properties().Match(report), used = Used().Match(report), shared = Shared().Match(used.Value);
            kernels.Add(new CompiledKernel(entry.Groups[1].Value, Number(used), shared.Success ? Number(shared) : 0, Number(properties), Number(properties, 2) + Number(properties, 3)));
        }

        return kernels;
    }

    static int Number(Match match, int group = 1) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Compiling entry function '(\w+)'")]
    private static partial Regex Entry();

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex Properties();

    [GeneratedRegex(@"Used (\d+) registers.*")]
    private static partial Regex Used();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();
}
