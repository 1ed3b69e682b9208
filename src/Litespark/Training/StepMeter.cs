using System.Diagnostics;
using Litespark.Energy;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Reporting;

namespace Litespark.Training;

/// <summary>Turns steps into tokens/s, MFU, HFU and joules.</summary>
internal sealed class StepMeter
{
    /// <summary>What a figure of the run waits for other machines' latest.</summary>
    static readonly TimeSpan patience = TimeSpan.FromSeconds(1);

    readonly IEnergyMeter energy;
    readonly JoulesPerTokenWindow window = new();
    readonly double modelFlopsPerToken;
    readonly DevicePeaks peaks;
    readonly double[] executed = new double[Enum.GetValues<DataType>().Length];
    readonly bool wasEstimate;
    readonly double joulesBefore, joulesAtStart;
    readonly long memoryBytes;
    readonly long opened = Stopwatch.GetTimestamp();
    readonly double[] attentionWork;
    PrecisionWork[] plannedWork; // with attention dense
    PrecisionWork[] workPerStep;
    double flops;
    long totalTicks, totalTokens, started;

    /// <param name="device">Sampled for its peak.</param>
    /// <param name="energy">The meter.</param>
    /// <param name="setup">Model and program.</param>
    /// <param name="microBatches">Micro-batches of a step.</param>
    /// <param name="joulesBefore">Energy of the run before it was resumed; null where it was not known.</param>
    /// <param name="flopsBefore">FLOPs that the run executed before it was resumed.</param>
    /// <param name="wasEstimate">Whether a part of the energy before is an estimate.</param>
    public StepMeter(IDevice device, IEnergyMeter energy, TrainingSetup setup, int microBatches, double? joulesBefore, double flopsBefore, bool wasEstimate = false)
    {
        flops = flopsBefore;
        peaks = new DevicePeaks(device);
        this.energy = energy;
        this.joulesBefore = joulesBefore ?? double.NaN;
        this.wasEstimate = wasEstimate;
        // Not known now need not mean never: then it is the meter's own zero, when it was opened for this run.
        joulesAtStart = energy.ReadJoules() is var now && double.IsFinite(now) ? now : 0;
        modelFlopsPerToken = ParameterCatalog.FlopsPerToken(setup.Spec, setup.Recipe.Training.SequenceLength);
        plannedWork = StepWork.ByPrecision(setup.Program, microBatches);
        workPerStep = [.. plannedWork];
        attentionWork = StepWork.AttentionFlops(setup.Program, microBatches, plannedWork);
        memoryBytes = setup.Program.TotalBytes;
        SamplePeak();
    }

    /// <summary>Energy of the whole run so far; null where it is not known.</summary>
    public double? Joules => Total(energy.ReadJoules());

    /// <summary>Whether a part of the run's energy is an estimate.</summary>
    public bool IsEstimate => wasEstimate || energy.IsEstimate;

    /// <summary>Where the run's energy is known from: a constant of <see cref="EnergySources"/>.</summary>
    public string EnergySource => wasEstimate ? EnergySources.Estimate : energy.Source;

    /// <summary>FLOPs that steps have executed over the whole run so far.</summary>
    public double Flops => flops;

    /// <summary>Share of live weights, 0 to 1.</summary>
    public double Density { get; set; } = 1;

    /// <summary>Share of live blocks that the change of topology in this step exchanged; null where there was none.</summary>
    public double? MaskChurn { get; set; }

    /// <summary>Share of the causal area that attention computes.</summary>
    public double AttentionShare { get; set; } = 1;

    /// <summary>Mean rate over all steps of this process.</summary>
    public double? TokensPerSecond => totalTicks == 0 ? null : totalTokens / TotalSeconds;

    /// <summary>Mean model FLOP utilisation over all steps of this process.</summary>
    public double? Mfu => totalTicks == 0 ? null : peaks.Mfu(totalTokens * modelFlopsPerToken, TotalSeconds);

    /// <summary>Mean hardware FLOP utilisation over all steps of this process.</summary>
    public double? Hfu => totalTicks == 0 ? null
        : peaks.Hfu([.. executed.Select((sum, type) => new PrecisionWork((DataType)type, sum)).Where(work => work.Flops > 0)], TotalSeconds);

    double TotalSeconds => Stopwatch.GetElapsedTime(0, totalTicks).TotalSeconds;

    /// <summary>Says what a step executes from here on: sparse work changes with its topology.</summary>
    public void SetWork(PrecisionWork[] work)
    {
        if (plannedWork == work) return;
        plannedWork = work;
        workPerStep = [.. work];
    }

    /// <summary>Measures the device's peak again; the largest counts.</summary>
    public void SamplePeak() => peaks.Sample();

    /// <summary>As <see cref="Joules"/>, with all of it until now: other machines' next figure is waited for, a second at most.</summary>
    public double? JoulesUpToNow() => double.IsFinite(joulesBefore) ? Total(energy.ReadJoulesUpToNow(patience)) : null;

    /// <summary>Something other than steps has run: joules per token are counted anew from here.</summary>
    public void Interrupt() => window.Clear();

    public void Start() => started = Stopwatch.GetTimestamp();

    /// <summary>Ends a step of so many tokens.</summary>
    public StepMetrics Stop(long step, long stepTokens, long tokens, double loss, double gradientNorm, double learningRate)
    {
        long now = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(started, now).TotalSeconds;
        double? joules = Joules;
        totalTicks += now - started;
        totalTokens += stepTokens;
        for (int i = 0; i < plannedWork.Length; i++) workPerStep[i] = plannedWork[i] with { Flops = plannedWork[i].Flops - (1 - AttentionShare) * attentionWork[i] };
        foreach (PrecisionWork part in workPerStep)
        {
            flops += part.Flops;
            executed[(int)part.Precision] += part.Flops;
        }

        return new StepMetrics
        {
            Step = step,
            Tokens = tokens,
            Loss = loss,
            GradNorm = gradientNorm,
            LearningRate = learningRate,
            StepMs = seconds * 1e3,
            TokensPerSecond = stepTokens / seconds,
            Mfu = peaks.Mfu(stepTokens * modelFlopsPerToken, seconds),
            Hfu = peaks.Hfu(workPerStep, seconds),
            PeakMemoryBytes = memoryBytes,
            Joules = joules,
            JoulesPerToken = joules is { } known ? window.Add(now, known, tokens) : null,
            EnergySource = EnergySource,
            Density = Density,
            Flops = flops,
            MaskChurn = MaskChurn,
            AttentionShare = AttentionShare,
            ElapsedSeconds = Stopwatch.GetElapsedTime(opened, now).TotalSeconds,
        };
    }

    double? Total(double sinceOpened) => joulesBefore + sinceOpened - joulesAtStart is var joules && double.IsFinite(joules) ? joules : null;
}
