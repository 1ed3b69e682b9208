using System.Diagnostics;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Programs that are measured in a process of their own.</summary>
internal static class ChildProcess
{
    /// <summary>Runs a program to its end and returns its exit code and what it printed.</summary>
    public static (int Code, string Output, string Error) Run(string file, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start) ?? throw new RunFailureException($"{file} cannot be started.");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Runs this harness with other arguments; returns its last JSON line.</summary>
    /// <exception cref="RunFailureException">It failed.</exception>
    public static string RunHarness(params IEnumerable<string> arguments)
    {
        string host = Environment.ProcessPath ?? throw new RunFailureException("This process does not know its own path.");
        bool isDotnet = Path.GetFileNameWithoutExtension(host) == "dotnet";
        string assembly = Path.Combine(AppContext.BaseDirectory, typeof(ChildProcess).Assembly.GetName().Name + ".dll");
        (int code, string output, string error) = Run(host, isDotnet ? arguments.Prepend(assembly) : arguments);
        return code == 0 ? JsonLine.Last(output) : throw new RunFailureException(error.Trim());
    }
}
