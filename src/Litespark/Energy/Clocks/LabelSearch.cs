namespace Litespark.Energy.Clocks;

/// <summary>
/// Finds the best choice group by group: a label is a choice for the groups so far; one that another beats in time and energy
/// goes, and so does one whose bound (its energy, and the rest's at the relaxation's price of a second) is no better than the
/// best choice known.
/// </summary>
internal sealed class LabelSearch
{
    readonly record struct Label(double Seconds, double Joules, int Parent, int Option);

    readonly IReadOnlyList<ChoiceGroup> groups;
    readonly double budget, price;
    readonly int labelLimit;
    readonly int[] order;
    readonly ClockOption[] cheapest; // at the price, by group
    readonly double[] restPriced, restFastest, restSeconds, restJoules; // of the stages from here on
    readonly List<Label[]> stages = [];
    double best, lostBound = double.PositiveInfinity;
    (int Stage, int Label)? bestLabel;

    /// <param name="groups">The parts.</param>
    /// <param name="budget">Most seconds.</param>
    /// <param name="price">Joules that the relaxation pays for a second.</param>
    /// <param name="labelLimit">Most labels of a stage.</param>
    public LabelSearch(IReadOnlyList<ChoiceGroup> groups, double budget, double price, int labelLimit)
    {
        (this.groups, this.budget, this.price, this.labelLimit) = (groups, budget, price, labelLimit);
        // Groups in which most is at stake first, so that the rest's bound is soon sharp.
        order = [.. Enumerable.Range(0, groups.Count).OrderByDescending(group => groups[group].Options[^1].Seconds - groups[group].Options[0].Seconds)];
        cheapest = [.. groups.Select(group => group.Cheapest(price))];
        int count = groups.Count;
        (restPriced, restFastest, restSeconds, restJoules) = (new double[count + 1], new double[count + 1], new double[count + 1], new double[count + 1]);
        for (int stage = count - 1; stage >= 0; stage--)
        {
            ClockOption option = cheapest[order[stage]];
            restPriced[stage] = restPriced[stage + 1] + option.Joules + (price * option.Seconds);
            restFastest[stage] = restFastest[stage + 1] + groups[order[stage]].Options[0].Seconds;
            restSeconds[stage] = restSeconds[stage + 1] + option.Seconds;
            restJoules[stage] = restJoules[stage + 1] + option.Joules;
        }
    }

    /// <summary>Searches for something better than a choice that fits.</summary>
    public Choice Run(ClockOption[] known)
    {
        best = known.Sum(option => option.Joules);
        double relaxation = restPriced[0] - (price * budget);
        stages.Add([new Label(0, 0, -1, -1)]);
        for (int stage = 0; stage < order.Length && stages[stage].Length > 0; stage++) stages.Add(Prune(Extend(stage), stage + 1));
        ClockOption[] options = bestLabel is { } label ? Trace(label.Stage, label.Label) : known;
        double joules = options.Sum(option => option.Joules);
        return Choice.Of(options, Math.Min(joules, Math.Max(relaxation, lostBound)));
    }

    /// <summary>All labels of the next stage that may still become the best.</summary>
    List<Label> Extend(int stage)
    {
        Label[] labels = stages[stage];
        var next = new List<Label>();
        IReadOnlyList<ClockOption> options = groups[order[stage]].Options;
        for (int parent = 0; parent < labels.Length; parent++)
        {
            for (int option = 0; option < options.Count; option++)
            {
                var label = new Label(labels[parent].Seconds + options[option].Seconds, labels[parent].Joules + options[option].Joules, parent, option);
                if (label.Seconds + restFastest[stage + 1] > budget) break; // the options that follow are slower
                if (Bound(label, stage + 1) < best * (1 - ChoiceSolver.Rounding)) next.Add(label);
            }
        }

        return next;
    }

    Label[] Prune(List<Label> labels, int stage)
    {
        labels.Sort((a, b) => a.Seconds != b.Seconds ? a.Seconds.CompareTo(b.Seconds) : a.Joules.CompareTo(b.Joules));
        var kept = new List<Label>();
        foreach (Label label in labels)
            if (kept.Count == 0 || label.Joules < kept[^1].Joules) kept.Add(label);
        if (kept.Count > labelLimit)
        {
            kept.Sort((a, b) => Bound(a, stage).CompareTo(Bound(b, stage)));
            lostBound = Math.Min(lostBound, Bound(kept[labelLimit], stage));
            kept.RemoveRange(labelLimit, kept.Count - labelLimit);
        }

        // The rest at the relaxation's choice completes a label where the time is enough.
        for (int i = 0; i < kept.Count; i++)
        {
            double joules = kept[i].Joules + restJoules[stage];
            if (kept[i].Seconds + restSeconds[stage] <= budget && joules < best) (best, bestLabel) = (joules, (stage, i));
        }

        return [.. kept];
    }

    double Bound(Label label, int stage) => label.Joules + restPriced[stage] - (price * (budget - label.Seconds));

    ClockOption[] Trace(int stage, int index)
    {
        ClockOption[] options = [.. cheapest];
        for (; stage > 0; stage--)
        {
            Label label = stages[stage][index];
            options[order[stage - 1]] = groups[order[stage - 1]].Options[label.Option];
            index = label.Parent;
        }

        return options;
    }
}
