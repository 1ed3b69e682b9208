namespace Litespark.Energy.Clocks.Live;

/// <summary>
/// Applies a plan while steps run: a thread of its own asks for each region's clocks ahead of the region, by time alone, so
/// that no step waits and the device is never asked where it is. Telling it of a step neither allocates nor waits for the
/// driver. Clocks are automatic again when it is disposed, when the process exits, and, with a watchdog, when it dies.
/// </summary>
public sealed class ClockController : IDisposable
{
    /// <summary>Waits are no finer; what is left of one is spent spinning.</summary>
    static readonly TimeSpan finest = TimeSpan.FromMilliseconds(1);

    /// <summary>Work after which a clock shows: at rest it is low, whatever it is bound to.</summary>
    static readonly TimeSpan longestWarmUp = TimeSpan.FromMilliseconds(20);

    readonly Lock driver = new();
    readonly IClockControl control;
    readonly ClockWatchdog? watchdog;
    readonly ClockSequencer sequencer;
    readonly ClockApplier applier;
    readonly TimeSpan settling, warmUp;
    readonly AutoResetEvent wake = new(false);
    readonly Thread thread;
    long startedAt, stepTicks;

    /// <summary>The latest that the steps did: a timestamp, doubled, plus one for a start.</summary>
    long latest;

    // The thread's own. The step that runs began at workingSince; 0 between steps, and in the first, in which kernels are compiled.
    ClockPair wanted;
    long seen, askedAt, late, workingSince;
    bool hasEnded;

    volatile bool isEnding;
    volatile string? problem;
    bool isRestored;

    /// <summary>Asks for the first region's clocks and takes over the control and the watchdog.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="control">The clocks.</param>
    /// <param name="watchdog">Restores clocks if this process dies; null for none.</param>
    /// <exception cref="UserErrorException">Clocks may not be changed here; they are automatic, and control and watchdog are closed.</exception>
    public ClockController(ClockPlan plan, IClockControl control, ClockWatchdog? watchdog = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(control);
        this.control = control;
        this.watchdog = watchdog;
        ClockSchedule schedule = ClockSchedule.Of(plan);
        sequencer = new ClockSequencer(schedule, TimeProvider.System.TimestampFrequency);
        applier = new ClockApplier(control);
        settling = TimeSpan.FromSeconds((plan.Latency ?? plan.Switching).SettleSeconds) + finest;
        warmUp = TimeSpan.FromSeconds(Math.Min(schedule.FirstSeconds / 2, longestWarmUp.TotalSeconds));
        wanted = schedule.First;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        try
        {
            Ask();
        }
        catch
        {
            Restore();
            wake.Dispose();
            throw;
        }

        thread = new Thread(Loop) { IsBackground = true, Name = "litespark clocks", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    /// <summary>Why clocks were left to the GPU before the end; null where they were not.</summary>
    public string? Problem => problem;

    /// <summary>What was done so far.</summary>
    public ClockReport Report => new(applier.Changes, applier.Checked, applier.Missed, Volatile.Read(ref late), problem);

    /// <summary>A step begins now, on the device too: the step before was waited for.</summary>
    public void StepStarted()
    {
        startedAt = TimeProvider.System.GetTimestamp();
        Tell((startedAt * 2) + 1);
    }

    /// <summary>A step has ended, on the device too.</summary>
    public void StepEnded()
    {
        long now = TimeProvider.System.GetTimestamp();
        Volatile.Write(ref stepTicks, now - startedAt);
        Tell(now * 2);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isEnding) return;
        isEnding = true;
        wake.Set();
        thread.Join();
        Restore();
        wake.Dispose();
    }

    void Tell(long what)
    {
        Volatile.Write(ref latest, what);
        wake.Set();
    }

    void OnExit(object? sender, EventArgs e) => Restore();

    void Loop()
    {
        try
        {
            TimeSpan? pause = TimeSpan.Zero;
            while (!isEnding)
            {
                if (pause is not { } length) wake.WaitOne();
                else if (length > TimeSpan.Zero) wake.WaitOne(length);
                Listen();
                pause = Work();
            }
        }
        catch (UserErrorException error)
        {
            problem = error.Message;
            Restore();
        }
    }

    /// <summary>Takes what the steps did last; what was missed meanwhile is of no more use.</summary>
    void Listen()
    {
        long now = Volatile.Read(ref latest);
        if (now == seen) return;
        bool isStart = now % 2 == 1;
        if (isStart && seen % 2 == 1)
        {
            // A step's end was overwritten by the next one's start.
            sequencer.Stop(Volatile.Read(ref stepTicks));
            hasEnded = true;
        }

        seen = now;
        wanted = isStart ? sequencer.Start(now / 2) : sequencer.Stop(Volatile.Read(ref stepTicks));
        workingSince = isStart && hasEnded ? now / 2 : 0;
        hasEnded |= !isStart;
    }

    /// <summary>Does what is due; returns how long nothing will be, null for until a step begins or ends.</summary>
    TimeSpan? Work()
    {
        Check();
        Ask();
        TimeSpan? check = UntilCheck();
        if (!sequencer.TryNext(out long askAt, out ClockPair clocks)) return check;
        TimeSpan left = Since(askAt) * -1;
        if (left > finest) return check < left - finest ? check : left - finest;
        while (Since(askAt) < TimeSpan.Zero) Thread.SpinWait(20);
        if (Since(askAt) > settling) Volatile.Write(ref late, late + 1);
        sequencer.Advance();
        wanted = clocks;
        Ask();
        return TimeSpan.Zero;
    }

    void Ask()
    {
        lock (driver)
        {
            if (!isRestored && applier.Ask(wanted)) askedAt = TimeProvider.System.GetTimestamp();
        }
    }

    /// <summary>Reads clocks back once that tells something.</summary>
    void Check()
    {
        if (!(UntilCheck() <= TimeSpan.Zero)) return;
        lock (driver)
        {
            if (!isRestored) applier.Check();
        }
    }

    /// <summary>Time until the clocks that were asked for last have settled on a device at work; null where there is nothing to read back, or not before a step begins.</summary>
    TimeSpan? UntilCheck()
    {
        if (!applier.IsUnchecked || workingSince == 0) return null;
        TimeSpan settled = settling - Since(askedAt), warm = warmUp - Since(workingSince);
        return settled > warm ? settled : warm;
    }

    static TimeSpan Since(long timestamp) => TimeProvider.System.GetElapsedTime(timestamp);

    /// <summary>Leaves clocks to the GPU, once.</summary>
    void Restore()
    {
        lock (driver)
        {
            if (isRestored) return;
            isRestored = true;
            AppDomain.CurrentDomain.ProcessExit -= OnExit;
            control.Dispose();
            if (control.RestoreProblem is { } left)
            {
                // The watchdog is not told that all is well: it tries once more when this process ends.
                problem = problem is null ? left : $"{problem} {left}";
                return;
            }

            watchdog?.Dispose();
        }
    }
}
