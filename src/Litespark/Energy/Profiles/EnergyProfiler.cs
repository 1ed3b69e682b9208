using Litespark.Energy.Clocks;

namespace Litespark.Energy.Profiles;

/// <summary>Measures a step as a whole and kernel by kernel, at automatic clocks and, where clocks can be changed, over a grid.</summary>
public sealed class EnergyProfiler
{
    /// <summary>The repeats of a kernel that are short beside a settling time; one run of most.</summary>
    const int ShortLoad = 1;

    readonly IProfiledStep step;
    readonly IEnergyMeter meter;
    readonly IClockControl? control;
    readonly TimeProvider time;
    readonly Action<TimeSpan> wait;
    readonly CancellationToken cancellation;
    readonly SteadyLoop loop;
    readonly Action<string> status;

    /// <param name="step">What is measured.</param>
    /// <param name="meter">What is read.</param>
    /// <param name="control">The clocks; null where they stay automatic.</param>
    /// <param name="settings">How long; null for what suits the meter.</param>
    /// <param name="status">Told what is being measured.</param>
    /// <param name="cancellation">Stops between runs; clocks are then automatic again.</param>
    public EnergyProfiler(IProfiledStep step, IEnergyMeter meter, IClockControl? control = null, ProfilerSettings? settings = null, Action<string>? status = null, CancellationToken cancellation = default)
        : this(step, meter, control, settings, status, TimeProvider.System, length => cancellation.WaitHandle.WaitOne(length), cancellation)
    {
    }

    /// <summary>Measures by another clock.</summary>
    internal EnergyProfiler(
        IProfiledStep step, IEnergyMeter meter, IClockControl? control, ProfilerSettings? settings, Action<string>? status, TimeProvider time, Action<TimeSpan> wait, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(meter);
        (this.step, this.meter, this.control, this.time, this.wait, this.cancellation) = (step, meter, control, time, wait, cancellation);
        this.status = status ?? (_ => { });
        loop = new SteadyLoop(meter, settings ?? ProfilerSettings.For(meter), time, cancellation);
    }

    /// <summary>Measures everything.</summary>
    /// <param name="clocks">Pairs to try beside the automatic ones (<see cref="ClockGrid"/>); none without a control.</param>
    public EnergyProfile Run(IReadOnlyList<ClockPair>? clocks = null)
    {
        ClockPair[] pairs = [ClockPair.Automatic, .. (clocks ?? []).Where(pair => !pair.IsAutomatic).Distinct()];
        if (pairs.Length > 1 && control is null) throw new ArgumentException("Other clocks than automatic ones need a control.", nameof(clocks));
        double? idleWatts = Idle();
        try
        {
            control?.Set(ClockPair.Automatic);
            status("the whole step");
            Measurement whole = loop.Measure(step.RunSteps);
            ProfiledKernel[] kernels = [.. Enumerable.Range(0, step.Kernels.Count).Select(kernel => Profile(kernel, pairs))];
            return new EnergyProfile
            {
                Subject = step.Subject,
                Device = new ProfileDevice(step.Device, step.Hardware, meter.Source, meter.Explanation, idleWatts),
                Clocks = pairs,
                Kernels = kernels,
                Parts = step.Parts,
                Steps = [new ProfiledStep(0, whole)],
                Switching = control is null ? null : Switching(kernels, whole),
            };
        }
        finally
        {
            control?.Set(ClockPair.Automatic);
        }
    }

    /// <summary>Measures one kernel at one pair of clocks; null where the clocks do not hold.</summary>
    public Measurement? Measure(int kernel, ClockPair clocks)
    {
        step.Prepare(kernel);
        return MeasurePrepared(kernel, clocks);
    }

    ProfiledKernel Profile(int kernel, ClockPair[] pairs)
    {
        KernelInfo info = step.Kernels[kernel];
        step.Prepare(kernel);
        var points = new Measurement?[pairs.Length];
        for (int i = 0; i < pairs.Length; i++)
        {
            status($"kernel {kernel + 1} of {step.Kernels.Count}, {info.Name} ({info.Phase}){(pairs.Length > 1 ? $", clocks {pairs[i]}" : "")}");
            points[i] = MeasurePrepared(kernel, pairs[i]);
        }

        return new ProfiledKernel(info, points);
    }

    Measurement? MeasurePrepared(int kernel, ClockPair clocks)
    {
        control?.Set(clocks);
        Measurement measured = loop.Measure(times => step.Run(kernel, times));
        return Holds(clocks) ? measured : null;
    }

    /// <summary>The driver's success does not prove a clock.</summary>
    bool Holds(ClockPair clocks)
    {
        if (control is null || clocks.IsAutomatic) return true;
        (int core, int memory) = control.Read();
        return (clocks.CoreMegahertz is not { } mostCore || core <= mostCore) && (clocks.MemoryMegahertz is not { } mostMemory || memory <= mostMemory);
    }

    double? Idle()
    {
        if (meter.IsEstimate) return null;
        status("the device at rest");
        return IdlePower.Measure(meter, null, time, length =>
        {
            wait(length);
            cancellation.ThrowIfCancellationRequested();
        });
    }

    ClockSwitching Switching(ProfiledKernel[] kernels, Measurement whole)
    {
        status("changes of clocks");
        int shortest = Enumerable.Range(0, kernels.Length).MinBy(kernel => kernels[kernel].Automatic.Seconds);
        return new SwitchingProbe(control!, time).Measure(() => step.Run(shortest, ShortLoad), whole.Watts ?? 0);
    }
}
