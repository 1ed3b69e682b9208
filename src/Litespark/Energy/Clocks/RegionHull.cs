namespace Litespark.Energy.Clocks;

/// <summary>
/// The corners of a step's lower hull of time and energy, found where they are asked for and kept: each is the best path at some
/// price of a second. Between two neighbours no path lies below the line that joins them, changes included.
/// </summary>
/// <param name="problem">The step.</param>
internal sealed class RegionHull(RegionProblem problem)
{
    const double Rounding = 1e-9;

    readonly List<RegionPath> corners = []; // time grows, energy falls
    readonly List<bool> isEdge = []; // whether nothing is left between a corner and the next

    /// <summary>The step.</summary>
    public RegionProblem Problem => problem;

    /// <summary>The corner of the least energy.</summary>
    public RegionPath Thriftiest => Corners[^1];

    List<RegionPath> Corners
    {
        get
        {
            if (corners.Count > 0) return corners;
            RegionPath thrifty = RegionSearch.Solve(problem, secondsWeight: 0, joulesWeight: 1), fast = RegionSearch.Solve(problem, secondsWeight: 1, joulesWeight: 0);
            corners.Add(fast);
            if (!(thrifty.Cost.Seconds > fast.Cost.Seconds && thrifty.Cost.Joules < fast.Cost.Joules)) corners[0] = thrifty.Cost.Seconds <= fast.Cost.Seconds ? thrifty : fast;
            else corners.Add(thrifty);
            isEdge.AddRange(Enumerable.Repeat(false, corners.Count - 1));
            return corners;
        }
    }

    /// <summary>The neighbours between which a time lies that is not beyond the thriftiest corner; the first fits into it.</summary>
    public (RegionPath Fits, RegionPath Exceeds) Around(double seconds)
    {
        int index = Corners.FindLastIndex(corner => corner.Cost.Seconds <= seconds);
        while (!isEdge[index])
        {
            Refine(index);
            index = corners.FindLastIndex(corner => corner.Cost.Seconds <= seconds);
        }

        return (corners[index], corners[index + 1]);
    }

    /// <summary>The least energy × time: at a corner, as the product is quasi-concave.</summary>
    public RegionPath LeastEnergyDelay()
    {
        for (int index = 0; index < Corners.Count - 1;)
        {
            // Nothing between two corners is faster than the one and thriftier than the other.
            double least = corners.Min(corner => corner.Cost.EnergyDelay);
            bool isHopeless = corners[index].Cost.Seconds * corners[index + 1].Cost.Joules >= least * (1 - Rounding);
            if (isHopeless || isEdge[index]) index++;
            else Refine(index);
        }

        return corners.MinBy(corner => corner.Cost.EnergyDelay)!;
    }

    /// <summary>Joules that the line between two corners pays for a second.</summary>
    public static double Price(RegionPath fast, RegionPath thrifty) => (fast.Cost.Joules - thrifty.Cost.Joules) / (thrifty.Cost.Seconds - fast.Cost.Seconds);

    /// <summary>Looks for the corner that lies farthest below the line between two; where there is none, the line is an edge.</summary>
    void Refine(int index)
    {
        (RegionPath fast, RegionPath thrifty) = (corners[index], corners[index + 1]);
        double price = Price(fast, thrifty);
        double Priced(RegionPath path) => path.Cost.Joules + (price * path.Cost.Seconds);
        RegionPath corner = RegionSearch.Solve(problem, price, 1);
        if (Priced(corner) >= Priced(thrifty) - (Math.Abs(Priced(thrifty)) * Rounding) || corner.Cost.Seconds <= fast.Cost.Seconds || corner.Cost.Seconds >= thrifty.Cost.Seconds)
        {
            isEdge[index] = true;
            return;
        }

        corners.Insert(index + 1, corner);
        isEdge.Insert(index, false);
    }
}
