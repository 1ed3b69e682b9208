using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Litespark.SelfTesting;

/// <summary>A peer's script in a Python of its own (<c>LITESPARK_PYTHON</c>, or python3).</summary>
internal sealed class PythonPeer(string script)
{
    readonly string python = Environment.GetEnvironmentVariable("LITESPARK_PYTHON") is { Length: > 0 } chosen ? chosen : "python3";

    /// <summary>Whether there is such a Python.</summary>
    public bool IsThere
    {
        get
        {
            try
            {
                return Start(["-c", ""], TimeSpan.FromMinutes(1), default).Code == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }

    /// <summary>Why it cannot run here; null where it can.</summary>
    /// <param name="deadline">Ends the wait for it.</param>
    /// <exception cref="OperationCanceledException">The time was over first.</exception>
    public string? Missing(CancellationToken deadline = default)
    {
        try
        {
            if (Start(["-c", ""], TimeSpan.FromMinutes(1), deadline).Code != 0) return $"{python} does not start; LITESPARK_PYTHON names another one";
            (int code, _, string error) = Start(["-c", "import torch"], TimeSpan.FromMinutes(1), deadline);
            return code == 0 ? null : $"{python} has no PyTorch ({LastLine(error)}); LITESPARK_PYTHON names another one";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return $"there is no {python}; LITESPARK_PYTHON names another one";
        }
        catch (RunFailureException failure)
        {
            return $"{python}'s PyTorch does not load: {failure.Message}";
        }
    }

    /// <summary>Runs the script; the last line that it prints is a JSON object.</summary>
    /// <param name="arguments">Of the script.</param>
    /// <param name="most">It is killed after so long, which is its failure.</param>
    /// <param name="deadline">It is killed then, which is not.</param>
    /// <exception cref="RunFailureException">It ended with an error, or not within <paramref name="most"/>.</exception>
    /// <exception cref="OperationCanceledException">The time was over first.</exception>
    public JsonObject Run(IEnumerable<string> arguments, TimeSpan most, CancellationToken deadline = default)
    {
        (int code, string output, string error) = Start([script, .. arguments], most, deadline);
        return code == 0 ? JsonNode.Parse(LastLine(output))!.AsObject() : throw new RunFailureException($"{Path.GetFileName(script)} ended with {code}: {LastLine(error)}");
    }

    (int Code, string Output, string Error) Start(IEnumerable<string> arguments, TimeSpan most, CancellationToken deadline)
    {
        deadline.ThrowIfCancellationRequested();
        using Process process = Process.Start(new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None), output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        limit.CancelAfter(most);
        try
        {
            process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true); // torch.compile has workers
            process.WaitForExit();
            deadline.ThrowIfCancellationRequested();
            throw new RunFailureException($"{Path.GetFileName(script)} was killed: it had not ended after {most.TotalSeconds:0} s");
        }

        return (process.ExitCode, output.Result, error.Result);
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
