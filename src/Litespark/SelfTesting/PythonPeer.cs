using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Litespark.SelfTesting;

/// <summary>A peer's script in a Python of its own (<c>LITESPARK_PYTHON</c>, or python3).</summary>
internal sealed class PythonPeer(string script)
{
    readonly string python = Environment.GetEnvironmentVariable("LITESPARK_PYTHON") is { Length: > 0 } chosen ? chosen : "python3";

    /// <summary>Why it cannot run here; null where it can.</summary>
    public string? Missing
    {
        get
        {
            try
            {
                (int code, _, string error) = Start(["-c", "import torch"]);
                return code == 0 ? null : $"{python} has no PyTorch ({LastLine(error)}); LITESPARK_PYTHON names another one";
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return $"there is no {python}; LITESPARK_PYTHON names another one";
            }
        }
    }

    /// <summary>Runs the script; the last line that it prints is a JSON object.</summary>
    /// <exception cref="RunFailureException">It ended with an error.</exception>
    public JsonObject Run(IEnumerable<string> arguments)
    {
        (int code, string output, string error) = Start([script, .. arguments]);
        return code == 0 ? JsonNode.Parse(LastLine(output))!.AsObject() : throw new RunFailureException($"{Path.GetFileName(script)} ended with {code}: {LastLine(error)}");
    }

    (int Code, string Output, string Error) Start(IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];
}

/// <summary>A temporary folder, gone when disposed.</summary>
internal sealed class ScratchFolder : IDisposable
{
    readonly string path = Directory.CreateTempSubdirectory("litespark-").FullName;

    /// <summary>A path in it.</summary>
    public string File(string name) => Path.Combine(path, name);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(path, recursive: true);
}
