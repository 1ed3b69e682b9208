using System.Diagnostics;
using System.IO.Enumeration;
using System.Text.Json.Nodes;
using Litespark.Devices.Cuda.Driver;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>One part of a self-test.</summary>
internal abstract class SelfTestStage
{
    /// <summary>Its name, and that of its file.</summary>
    public abstract string Name { get; }

    /// <summary>What it is for, in a few words.</summary>
    public abstract string Purpose { get; }

    /// <summary>Runs it; returns what was left out and why, or null.</summary>
    public abstract string? Run(SelfTestContext context);
}

/// <summary>What stages work with.</summary>
internal sealed class SelfTestContext(IDevice device, IDevice reference, SelfTestSettings settings, Action<string> status, CancellationToken cancellation)
{
    /// <summary>What programs, libraries and kernels take beside a program's arenas.</summary>
    const long Reserve = 1L << 30;

    CancellationTokenSource? deadline;
    Stopwatch clock = Stopwatch.StartNew();
    ResultFile? file;

    public IDevice Device => device;

    public IDevice Reference => reference;

    public SelfTestSettings Settings => settings;

    public Action<string> Status => status;

    /// <summary>Whether it computes in the machine's memory, at a processor's speed: sizes are to be small.</summary>
    public bool IsProcessor => device.FreeMemory is null;

    public int Passed { get; private set; }

    public int Failed { get; private set; }

    /// <summary>Whether a case was left out because the stage's time was over.</summary>
    public bool IsOutOfTime { get; private set; }

    /// <summary>The case at which the device was lost, so that nothing after it can be tried in this process; null while it is not.</summary>
    public string? LostAt { get; private set; }

    /// <summary>Cancelled when the stage's time is over, or the whole test is stopped.</summary>
    public CancellationToken Deadline => deadline!.Token;

    /// <summary>What is left of the stage's time: nothing once its deadline has passed, of which the timer and the clock may each be the first to know.</summary>
    public TimeSpan TimeLeft => Deadline.IsCancellationRequested ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Max((settings.StageBudget - clock.Elapsed).Ticks, 0));

    /// <summary>A new stage begins.</summary>
    public void Begin(ResultFile results)
    {
        deadline?.Dispose();
        deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(settings.StageBudget);
        (file, clock, Passed, Failed, IsOutOfTime) = (results, Stopwatch.StartNew(), 0, 0, false);
    }

    /// <summary>Whether a case was asked for.</summary>
    public bool Wants(string name) => settings.Cases.Count == 0 || settings.Cases.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name));

    /// <summary>Whether there is time for another case, and a device.</summary>
    public bool HasTime()
    {
        cancellation.ThrowIfCancellationRequested();
        if (LostAt is not null) return false;
        if (TimeLeft == TimeSpan.Zero) IsOutOfTime = true;
        return !IsOutOfTime;
    }

    /// <summary>Whether the free memory, the device's own or else the machine's, holds programs at once.</summary>
    public bool Fits(params IReadOnlyList<StepProgram> programs) => programs.Sum(program => program.TotalBytes) + Reserve <= (device.FreeMemory ?? MachineMemory.Available);

    /// <summary>Writes a result and counts it.</summary>
    public void Add(bool passed, JsonObject line)
    {
        if (passed) Passed++;
        else Failed++;
        file!.Add(line);
    }

    /// <summary>Runs a case; what it throws is a failed result with the message, and the stage goes on, unless its time is over.</summary>
    public void Try(string name, Action run)
    {
        try
        {
            run();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            IsOutOfTime = true;
        }
#pragma warning disable CA1031 // whatever goes wrong is a finding of the test
        catch (Exception error) when (error is not OperationCanceledException)
#pragma warning restore CA1031
        {
            status($"{name}: {error.Message}");
            Add(false, new JsonObject { ["case"] = name, ["passed"] = false, ["error"] = error.Message });
            if (error is CudaException { LosesContext: true }) LostAt ??= name;
        }
    }
}
