using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// How many blocks of each weight live. Sparsity is the share of dead blocks among all: the budget is the whole number of live blocks nearest
/// to it, and the counts add up to it exactly.
/// <para>
/// Erdős–Rényi (Mocanu et al. 2018): density_l = ε·(n_in + n_out)/(n_in·n_out), with one ε for all weights so that the budget is met; weights
/// that would be more than dense are dense. Uniform: density_l = ε.
/// </para>
/// <para>
/// No weight has fewer live blocks than <c>min_density</c> of them, whatever the budget. As long as the budget of all weights allows it, none has fewer
/// than one for each line of blocks across its outputs either, so that no output need be dead.
/// </para>
/// </summary>
public static class LayerAllocation
{
    /// <summary>Live blocks of each weight.</summary>
    /// <param name="weights">The weights; what a weight gets does not depend on their order.</param>
    /// <param name="sparsity">Share of dead blocks, 0 to 1.</param>
    /// <param name="allocation">The rule.</param>
    /// <param name="minDensity">Least share of live blocks in any weight.</param>
    public static int[] LiveBlocks(IReadOnlyList<SparseWeight> weights, double sparsity, SparsityAllocation allocation, double minDensity = 0)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(sparsity, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sparsity, 1);
        int[] order = [.. Enumerable.Range(0, weights.Count).OrderBy(i => weights[i].Name, StringComparer.Ordinal)];
        int[] shares = Share([.. order.Select(i => weights[i])], sparsity, allocation, minDensity);
        int[] live = new int[weights.Count];
        for (int i = 0; i < order.Length; i++) live[order[i]] = shares[i];
        return live;
    }

    static int[] Share(SparseWeight[] weights, double sparsity, SparsityAllocation allocation, double minDensity)
    {
        int[] all = [.. weights.Select(weight => weight.Blocks)];
        long blocks = all.Sum(count => (long)count), budget = (long)Math.Round((1 - sparsity) * blocks, MidpointRounding.AwayFromZero);
        if (budget >= blocks) return all;
        // 0.1 · 36 blocks is a little more than it should be in binary.
        int[] floor = [.. all.Select(count => (int)Math.Ceiling(minDensity * count - 1e-9))];
        int[] alive = [.. weights.Select((weight, i) => Math.Max(floor[i], weight.OutputLines))];
        if (alive.Sum(count => (long)count) <= budget) floor = alive;
        if (floor.Sum(count => (long)count) >= budget) return floor;

        double[] slopes = [.. weights.Select(weight => weight.Blocks * (allocation == SparsityAllocation.Uniform ? 1 : 1.0 / weight.Rows + 1.0 / weight.Columns))];
        double[] quotas = Quotas(slopes, floor, all, budget);
        return Round(quotas, all, budget);
    }

    /// <summary>ε·slope between floor and all, with the ε whose quotas add up to the budget: their sum never falls with ε, so that halving finds it.</summary>
    static double[] Quotas(double[] slopes, int[] floor, int[] all, long budget)
    {
        double low = 0, high = slopes.Zip(all, (slope, most) => most / slope).Max();
        for (double middle = 0.5 * high; low < middle && middle < high; middle = 0.5 * (low + high))
        {
            if (At(middle).Sum() < budget) low = middle;
            else high = middle;
        }
        return At(high);

        double[] At(double epsilon) => [.. slopes.Select((slope, i) => Math.Clamp(epsilon * slope, floor[i], all[i]))];
    }

    /// <summary>Whole parts, and one more for the largest remainders, the first weights first.</summary>
    static int[] Round(double[] quotas, int[] all, long budget)
    {
        int[] live = [.. quotas.Select(quota => (int)quota)];
        int rest = (int)(budget - live.Sum(count => (long)count));
        foreach (int i in Enumerable.Range(0, live.Length).Where(i => live[i] < all[i]).OrderByDescending(i => quotas[i] - live[i]).Take(rest)) live[i]++;
        return live;
    }
}
