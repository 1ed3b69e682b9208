using System.ComponentModel;
using System.Diagnostics;

namespace Litespark.Tests.Energy.Nvml;

/// <summary>The C compiler that builds stand-ins.</summary>
internal static class Gcc
{
    const string Missing = "the stand-in for NVIDIA's library is built by gcc on Linux, which is not to be had here";

    static readonly Lazy<string?> reason = new(() => OperatingSystem.IsLinux() && IsInstalled() ? null : Missing);

    /// <summary>Why tests that need it are skipped; null where they are not.</summary>
    public static string? SkipReason => reason.Value;

    /// <summary>Runs the compiler.</summary>
    public static (int ExitCode, string Messages) Run(params string[] arguments)
    {
        using Process gcc = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        gcc.OutputDataReceived += (_, _) => { };
        gcc.BeginOutputReadLine();
        string messages = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        return (gcc.ExitCode, messages);
    }

    static bool IsInstalled()
    {
        try
        {
            return Run("--version").ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A test that is skipped, with the reason, where there is no gcc.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GccFactAttribute : FactAttribute
{
    public GccFactAttribute() => Skip = Gcc.SkipReason;
}

/// <summary>As <see cref="GccFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GccTheoryAttribute : TheoryAttribute
{
    public GccTheoryAttribute() => Skip = Gcc.SkipReason;
}
