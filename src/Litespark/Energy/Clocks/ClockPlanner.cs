using Litespark.Energy.Clocks.Levels;
using Litespark.Energy.Profiles;

namespace Litespark.Energy.Clocks;

/// <summary>Chooses clocks from a profile.</summary>
public sealed class ClockPlanner
{
    readonly EnergyProfile profile;
    readonly StepModel model;
    RegionLevel? regions;

    /// <param name="profile">A profile with energy.</param>
    /// <param name="switching">What changing clocks costs; null for what the profile says.</param>
    /// <param name="changesAhead">Whether changes are begun ahead of their region, while kernels run on; else the step waits for each.</param>
    /// <exception cref="UserErrorException">The profile has no measured energy.</exception>
    public ClockPlanner(EnergyProfile profile, ClockSwitching? switching = null, bool changesAhead = false)
    {
        ArgumentNullException.ThrowIfNull(profile);
        if (!profile.HasEnergy)
        {
            throw new UserErrorException(
                $"The profile of {profile.Device.Hardware} has no measured energy (energy_source: {profile.Device.EnergySource}), so that there is no saving to plan for. {profile.Device.EnergyExplanation}");
        }

        this.profile = profile;
        Switching = switching ?? profile.Switching;
        ChangesAhead = changesAhead;
        model = new StepModel(profile);
    }

    /// <summary>What changing clocks costs; null where it is not known, and <see cref="PlanLevel.Region"/> cannot be planned.</summary>
    public ClockSwitching? Switching { get; }

    /// <summary>Whether changes are begun ahead of their region.</summary>
    public bool ChangesAhead { get; }

    /// <summary>The levels that can be planned here, the coarsest first.</summary>
    public IEnumerable<PlanLevel> Levels => Enum.GetValues<PlanLevel>().Where(level => level != PlanLevel.Region || Switching is not null);

    /// <summary>The step at automatic clocks.</summary>
    public StepCost Automatic => model.Automatic;

    /// <summary>Least energy within a time budget.</summary>
    /// <param name="level">How finely clocks are chosen.</param>
    /// <param name="tau">Time allowed above automatic clocks, as a fraction: 0.01 is one per cent.</param>
    public ClockPlan MinimizeEnergy(PlanLevel level, double tau)
    {
        if (!(tau >= 0 && double.IsFinite(tau))) throw new ArgumentOutOfRangeException(nameof(tau), "a time budget is 0 or more");
        return Plan(level, PlanObjective.Energy, tau, Level(level).Minimize(model, tau));
    }

    /// <summary>Least energy × time.</summary>
    /// <param name="level">How finely clocks are chosen.</param>
    public ClockPlan MinimizeEnergyDelay(PlanLevel level) => Plan(level, PlanObjective.EnergyDelay, null, Level(level).MinimizeEnergyDelay(model));

    /// <summary>Least energy at several time budgets: a level's frontier of time and energy.</summary>
    public IReadOnlyList<FrontierPoint> Frontier(PlanLevel level, IEnumerable<double> taus)
        => [.. taus.Select(tau => new FrontierPoint(level, tau, Level(level).Minimize(model, tau).Cost))];

    /// <summary>What a plan's clocks cost by this profile, changes as the plan takes them.</summary>
    public StepCost CostOf(ClockPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new RegionProblem(model, plan.Switching, plan.ChangesAhead).CostOf([.. CallClocks(plan)]);
    }

    /// <summary>What a plan's clocks would cost if every change cost what <see cref="Switching"/> says and the step waited for it; null where that is not known.</summary>
    public StepCost? WithChanges(ClockPlan plan) => Switching is { } switching ? CostOf(plan with { Switching = switching, ChangesAhead = false }) : null;

    /// <summary>The pairs that a plan gives to each kernel.</summary>
    internal IEnumerable<(int Kernel, ClockPair Clocks)> Points(ClockPlan plan) => model.Sequence.Zip(CallClocks(plan), (kernel, clocks) => (kernel, model.Clocks[clocks])).Distinct();

    IPlanLevel Level(PlanLevel level) => level switch
    {
        PlanLevel.Static => new StaticLevel(),
        PlanLevel.PassLocal => new PassLevel(isLocal: true),
        PlanLevel.Pass => new PassLevel(isLocal: false),
        PlanLevel.KernelLocal => new KernelLevel(isLocal: true),
        PlanLevel.Kernel => new KernelLevel(isLocal: false),
        _ => regions ??= new RegionLevel(Switching ?? throw new UserErrorException("What changing clocks costs is not known here: the profile has no 'switching'. State it (--switch-ms)."), ChangesAhead),
    };

    ClockPlan Plan(PlanLevel level, PlanObjective objective, double? tau, LevelSolution solution) => new()
    {
        Hardware = profile.Device.Hardware,
        Model = profile.Subject.Model,
        Calls = model.Sequence.Length,
        Level = level,
        Objective = objective,
        Tau = tau,
        Regions = Regions(solution.CallClocks, level),
        Automatic = model.Automatic,
        Predicted = solution.Cost,
        LowerBound = solution.LowerBound,
        Switching = level == PlanLevel.Region ? Switching! : ClockSwitching.Free,
        Latency = Switching,
        ChangesAhead = level == PlanLevel.Region && ChangesAhead,
    };

    List<ClockRegion> Regions(int[] callClocks, PlanLevel level)
    {
        var regions = new List<ClockRegion>();
        bool waits = level == PlanLevel.Region && !ChangesAhead;
        (double seconds, double start, int first) = (0, 0, 0);
        for (int call = 0; call < callClocks.Length; call++)
        {
            if (call > first && callClocks[call] != callClocks[call - 1]) Close(call);
            int before = callClocks[call == 0 ? ^1 : call - 1];
            if (waits) seconds += Switching!.Seconds(model.Clocks[before].ChangesTo(model.Clocks[callClocks[call]]));
            if (call == first) start = seconds;
            seconds += model.Options[model.Sequence[call]][callClocks[call]]!.Value.Seconds;
        }

        Close(callClocks.Length);
        return regions;

        void Close(int end)
        {
            regions.Add(new ClockRegion(first, end - first, model.Clocks[callClocks[first]], start));
            first = end;
        }
    }

    IEnumerable<int> CallClocks(ClockPlan plan) => plan.Regions.SelectMany(region => Enumerable.Repeat(IndexOf(region.Clocks), region.Calls));

    int IndexOf(ClockPair pair)
    {
        for (int i = 0; i < model.Clocks.Count; i++)
            if (model.Clocks[i] == pair) return i;
        throw new UserErrorException($"The profile has no clocks {pair}, which the plan uses.");
    }
}
