using System.Diagnostics;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Programs that are measured in a process of their own.</summary>
internal static class ChildProcess
{
    /// <summary>Runs a program to its end and returns its exit code and what it printed.</summary>
    public static (int Code, string Output, string Error) Run(string file, params IEnumerable<string> arguments) => Run(new Dictionary<string, string?>(), file, arguments);

    /// <summary>As above with some environment variables set, or unset where they are null.</summary>
    public static (int Code, string Output, string Error) Run(Dictionary<string, string?> variables, string file, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string? value) in variables) start.Environment[name] = value;
        using Process process = Process.Start(start) ?? throw new RunFailureException($"{file} cannot be started.");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Runs this harness with other arguments; returns its last JSON line.</summary>
    /// <exception cref="RunFailureException">It failed.</exception>
    /// <exception cref="UserErrorException">An argument is wrong.</exception>
    public static string RunHarness(params IEnumerable<string> arguments) => RunHarness([], arguments);

    /// <summary>As above with some environment variables set, or unset where they are null.</summary>
    /// <exception cref="RunFailureException">It failed.</exception>
    /// <exception cref="UserErrorException">An argument is wrong.</exception>
    public static string RunHarness(Dictionary<string, string?> variables, params IEnumerable<string> arguments)
    {
        string host = Environment.ProcessPath ?? throw new RunFailureException("This process does not know its own path.");
        bool isDotnet = Path.GetFileNameWithoutExtension(host) == "dotnet";
        string assembly = Path.Combine(AppContext.BaseDirectory, typeof(ChildProcess).Assembly.GetName().Name + ".dll");
        (int code, string output, string error) = Run(variables, host, isDotnet ? arguments.Prepend(assembly) : arguments);
        if (code == Program.Done) return JsonLine.Last(output);
        // What the user got wrong is the last line; those before it tell what was going on.
        throw code == Program.UserError ? new UserErrorException(error.TrimEnd().Split('\n')[^1]) : new RunFailureException($"{error.Trim()}\nIt ended with code {code}.");
    }
}
