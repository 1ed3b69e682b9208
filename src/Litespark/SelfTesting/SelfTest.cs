using System.Diagnostics;
using System.Text.Json.Nodes;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>What a stage found.</summary>
/// <param name="Stage">Its name.</param>
/// <param name="Passed">Checks that held, or figures that were taken.</param>
/// <param name="Failed">Checks that did not.</param>
/// <param name="LeftOut">Why it, or a part of it, was left out; null where nothing was.</param>
/// <param name="File">Where its results are.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record StageOutcome(string Stage, int Passed, int Failed, string? LeftOut, string File, double Seconds);

/// <summary>
/// Tries a device in stages, each in minutes, so that a machine that is at hand for a short time says as much as it can: what it is,
/// whether every kernel computes what it should, and how fast the step is. Results are written as they come.
/// </summary>
public sealed class SelfTest
{
    static readonly SelfTestStage[] All = [new ProbeStage(), new PinStage(), new KernelStage(), new TuneStage(), new MemoryStage(), new SparseStage(), new BenchStage(), new PeerStage(), new EnergyStage()];

    readonly SelfTestContext context;

    /// <summary>A test of a device.</summary>
    /// <param name="device">What is tried.</param>
    /// <param name="reference">What it is compared with.</param>
    /// <param name="settings">How much and where to.</param>
    /// <param name="status">Told what goes on.</param>
    /// <param name="cancellation">Stops between cases.</param>
    public SelfTest(IDevice device, IDevice reference, SelfTestSettings settings, Action<string> status, CancellationToken cancellation = default)
        => context = new SelfTestContext(device, reference, settings, status, cancellation);

    /// <summary>Names of the stages, in order.</summary>
    public static IReadOnlyList<string> Stages { get; } = [.. All.Select(stage => stage.Name)];

    /// <summary>Runs some stages in their order; all where none is named.</summary>
    /// <exception cref="UserErrorException">There is no stage of that name, or the folder cannot be written.</exception>
    public IReadOnlyList<StageOutcome> Run(params IReadOnlyCollection<string> only)
    {
        if (only.FirstOrDefault(name => !Stages.Contains(name)) is { } wrong) throw new UserErrorException($"--stage {wrong}: there is no such stage; right would be one of {string.Join(", ", Stages)}.");
        Directory.CreateDirectory(context.Settings.Folder);
        return [.. All.Where(stage => only.Count == 0 || only.Contains(stage.Name)).Select(Run)];
    }

    StageOutcome Run(SelfTestStage stage)
    {
        context.Status($"{stage.Name}: {stage.Purpose}");
        using var file = new ResultFile(Path.Combine(context.Settings.Folder, stage.Name + ".jsonl"));
        var clock = Stopwatch.StartNew();
        context.Begin(file);
        using var watch = new Timer(_ => context.Settings.Overdue?.Invoke(stage.Name, file.Path), null, context.Settings.StageBudget + SelfTestSettings.Grace, Timeout.InfiniteTimeSpan);
        string? leftOut = context.LostAt is null ? stage.Run(context) : null;
        if (context.LostAt is { } lost) leftOut = $"{(leftOut is null ? "" : leftOut + "; ")}the device was lost at \"{lost}\": what comes after it needs a new process (--case chooses what it tries)";
        if (context.IsOutOfTime) leftOut = $"{(leftOut is null ? "" : leftOut + "; ")}the stage's {context.Settings.StageBudget.TotalMinutes:0.#} minutes were over";
        var outcome = new StageOutcome(stage.Name, context.Passed, context.Failed, leftOut, file.Path, clock.Elapsed.TotalSeconds);
        file.Add(new JsonObject
        {
            ["stage"] = outcome.Stage, ["passed"] = outcome.Passed, ["failed"] = outcome.Failed, ["left_out"] = outcome.LeftOut, ["seconds"] = Math.Round(outcome.Seconds, 2),
        });
        return outcome;
    }
}

/// <summary>How much a self-test does.</summary>
public sealed record SelfTestSettings
{
    /// <summary>Where results are written.</summary>
    public required string Folder { get; init; }

    /// <summary>Small sizes: for devices that are emulated.</summary>
    public bool Small { get; init; }

    /// <summary>Tokens that models have where sizes are small: an emulated product over thousands takes seconds.</summary>
    internal const int SmallVocabulary = 128;

    /// <summary>How long a stage may go on behind its time: for what cannot be cut short.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    /// <summary>A stage begins no new case after so long, and cuts short what can be.</summary>
    public TimeSpan StageBudget { get; init; } = TimeSpan.FromMinutes(7);

    /// <summary>Told the stage and its file where a stage has not ended by its time and <see cref="Grace"/>: a kernel that does not return, say.</summary>
    public Action<string, string>? Overdue { get; init; }

    /// <summary>Names of the cases to try, with * for anything; all where there is none.</summary>
    public IReadOnlyList<string> Cases { get; init; } = [];

    /// <summary>Start of all random numbers: fresh at every run unless given.</summary>
    public int Seed { get; init; } = Environment.TickCount;

    /// <summary>Models of the tune, bench, peer and energy stages: presets, each with its sequence length and micro-batch.</summary>
    public IReadOnlyList<SelfTestModel> Models { get; init; } =
    [
        new("litespark-3b", 4096, 4), new("llama-3.2-1b", 4096, 4), new("llama-3.2-3b", 4096, 2), new("gpt2-124m", 1024, 32),
    ];

    /// <summary>Models whose products the sparse stage times.</summary>
    public IReadOnlyList<SelfTestModel> SparseModels { get; init; } = [new("llama-110m", 1024, 8), new("llama-3.2-3b", 4096, 1)];

    /// <summary>Attentions whose patterns the sparse stage times.</summary>
    public IReadOnlyList<AttentionGeometry> SparseAttentions { get; init; } = [new(1, 4096, 32, 32, 64), new(1, 4096, 16, 2, 128)];

    /// <summary><see cref="SparseAttentions"/> that suit a processor.</summary>
    public static IReadOnlyList<AttentionGeometry> ProcessorAttentions { get; } = [new(1, 2048, 4, 4, 48)];

    /// <summary><see cref="Models"/> that suit a processor: a step takes a second or so.</summary>
    public static IReadOnlyList<SelfTestModel> ProcessorModels { get; } = [new("llama-15m", 512, 2)];

    /// <summary>Folder of the repository's peer scripts, where there is one.</summary>
    public string? Peers { get; init; }
}

/// <summary>A model that is timed.</summary>
/// <param name="Preset">Its name.</param>
/// <param name="SequenceLength">Tokens of a sequence.</param>
/// <param name="MicroBatch">Sequences of a step.</param>
public sealed record SelfTestModel(string Preset, int SequenceLength, int MicroBatch);
