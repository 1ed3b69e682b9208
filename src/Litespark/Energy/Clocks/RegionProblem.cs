namespace Litespark.Energy.Clocks;

/// <summary>Clocks for every call of a step, and what the step then costs, changes included.</summary>
internal sealed record RegionPath(int[] CallClocks, StepCost Cost);

/// <summary>
/// A step as a sequence of calls that follow one another for ever: the last call's clocks change to the first one's as well.
/// Only clocks at which every kernel was measured take part.
/// </summary>
internal sealed class RegionProblem
{
    readonly StepModel model;
    readonly int[] clocks; // of the model
    readonly double[] changeSeconds, changeJoules; // by the number of clocks that change
    readonly int[] coreOf, memoryOf; // pairs with the same clock have the same number

    public RegionProblem(StepModel model, ClockSwitching switching, bool changesAhead)
    {
        this.model = model;
        clocks = [.. Enumerable.Range(0, model.Clocks.Count).Where(pair => model.Options.All(options => options[pair] is not null))];
        changeSeconds = [.. Enumerable.Range(0, 3).Select(changes => changesAhead ? 0 : switching.Seconds(changes))];
        changeJoules = [.. Enumerable.Range(0, 3).Select(changes => changesAhead ? 0 : switching.Joules(changes))];
        Changes = new int[ClockCount, ClockCount];
        for (int from = 0; from < ClockCount; from++)
            for (int to = 0; to < ClockCount; to++) Changes[from, to] = model.Clocks[clocks[from]].ChangesTo(model.Clocks[clocks[to]]);
        (coreOf, memoryOf) = (Number(pair => pair.CoreMegahertz), Number(pair => pair.MemoryMegahertz));
        ShortestRegion = changesAhead ? switching.Seconds(Changes.Cast<int>().Max()) : 0;
        (Seconds, Joules) = (Table(option => option.Seconds), Table(option => option.Joules));
        Automatic = new RegionPath(new int[CallCount], model.Automatic);
    }

    /// <summary>Calls of the step.</summary>
    public int CallCount => model.Sequence.Length;

    /// <summary>Pairs of clocks that take part; the first are the automatic ones.</summary>
    public int ClockCount => clocks.Length;

    /// <summary>Call × clocks.</summary>
    public double[] Seconds { get; }

    /// <summary>Call × clocks.</summary>
    public double[] Joules { get; }

    /// <summary>Clocks that change from a pair to another.</summary>
    public int[,] Changes { get; }

    /// <summary>A region takes at least so long, as the next change can't begin before this one is done.</summary>
    public double ShortestRegion { get; }

    /// <summary>Whether changes cost neither time nor energy.</summary>
    public bool IsChangeFree => changeSeconds[2] == 0 && changeJoules[2] == 0;

    /// <summary>Clocks that a step may start from and end at; only −1, any, where changes cost nothing.</summary>
    public IEnumerable<int> Homes => IsChangeFree ? [-1] : Enumerable.Range(0, ClockCount);

    /// <summary>The whole step at automatic clocks.</summary>
    public RegionPath Automatic { get; }

    /// <summary>Cost of changing so many clocks, weighted.</summary>
    public double ChangeCost(int changes, double secondsWeight, double joulesWeight) => (secondsWeight * changeSeconds[changes]) + (joulesWeight * changeJoules[changes]);

    /// <summary>The least of values, and whose it is, seen from each pair of clocks: others' with the change from them added.</summary>
    /// <param name="values">By pair.</param>
    /// <param name="change1">Cost of changing one clock.</param>
    /// <param name="change2">Cost of changing both.</param>
    /// <param name="least">By pair.</param>
    /// <param name="whose">By pair.</param>
    public void Least(ReadOnlySpan<double> values, double change1, double change2, Span<double> least, Span<int> whose)
    {
        Span<int> ofCore = stackalloc int[values.Length], ofMemory = stackalloc int[values.Length];
        ofCore.Fill(-1);
        ofMemory.Fill(-1);
        int best = 0;
        for (int pair = 0; pair < values.Length; pair++)
        {
            if (values[pair] < values[best]) best = pair;
            Take(values, ref ofCore[coreOf[pair]], pair);
            Take(values, ref ofMemory[memoryOf[pair]], pair);
        }

        for (int pair = 0; pair < values.Length; pair++)
        {
            (least[pair], whose[pair]) = (values[pair], pair);
            Offer(ofCore[coreOf[pair]], change1, values, pair, least, whose);
            Offer(ofMemory[memoryOf[pair]], change1, values, pair, least, whose);
            Offer(best, change2, values, pair, least, whose);
        }
    }

    static void Take(ReadOnlySpan<double> values, ref int best, int pair) => best = best < 0 || values[pair] < values[best] ? pair : best;

    static void Offer(int from, double change, ReadOnlySpan<double> values, int pair, Span<double> least, Span<int> whose)
    {
        if (values[from] + change < least[pair]) (least[pair], whose[pair]) = (values[from] + change, from);
    }

    int[] Number(Func<ClockPair, int?> clock)
    {
        int?[] values = [.. clocks.Select(pair => clock(model.Clocks[pair]))];
        int?[] different = [.. values.Distinct()];
        return [.. values.Select(value => Array.IndexOf(different, value))];
    }

    /// <summary>A path from each call's clocks, as indices of this problem.</summary>
    public RegionPath Path(int[] own)
    {
        int[] all = [.. own.Select(pair => clocks[pair])];
        return new RegionPath(all, CostOf(all));
    }

    /// <summary>The whole step at one pair of clocks.</summary>
    public RegionPath Constant(int pair) => Path([.. Enumerable.Repeat(pair, CallCount)]);

    /// <summary>One call at clocks of the model.</summary>
    public StepCost CallCost(int call, int clocks) => model.Options[model.Sequence[call]][clocks] is { } option ? new StepCost(option.Seconds, option.Joules) : default;

    /// <summary>A change between two of the model's clocks.</summary>
    public StepCost ChangeCost(int from, int to)
    {
        int changes = model.Clocks[from].ChangesTo(model.Clocks[to]);
        return new StepCost(changeSeconds[changes], changeJoules[changes]);
    }

    /// <summary>Whether every region lasts long enough for the next change.</summary>
    /// <param name="callClocks">Clocks of the model.</param>
    public bool IsAllowed(IReadOnlyList<int> callClocks)
    {
        if (ShortestRegion == 0 || callClocks.All(clocks => clocks == callClocks[0])) return true;
        double lasted = 0;
        for (int call = 0; call < CallCount; call++)
        {
            if (call > 0 && callClocks[call] != callClocks[call - 1])
            {
                if (lasted < ShortestRegion) return false;
                lasted = 0;
            }

            lasted += CallCost(call, callClocks[call]).Seconds;
        }

        return lasted >= ShortestRegion;
    }

    /// <summary>What a step costs with each call at some clocks of the model.</summary>
    public StepCost CostOf(IReadOnlyList<int> callClocks)
    {
        double seconds = 0, joules = 0;
        int last = callClocks[^1];
        for (int call = 0; call < CallCount; call++)
        {
            ClockOption option = model.Options[model.Sequence[call]][callClocks[call]]!.Value;
            int changes = model.Clocks[last].ChangesTo(model.Clocks[callClocks[call]]);
            seconds += option.Seconds + changeSeconds[changes];
            joules += option.Joules + changeJoules[changes];
            last = callClocks[call];
        }

        return new StepCost(seconds, joules);
    }

    double[] Table(Func<ClockOption, double> figure)
    {
        var table = new double[CallCount * ClockCount];
        for (int call = 0; call < CallCount; call++)
            for (int pair = 0; pair < ClockCount; pair++) table[(call * ClockCount) + pair] = figure(model.Options[model.Sequence[call]][clocks[pair]]!.Value);
        return table;
    }
}
