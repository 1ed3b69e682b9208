using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>How the mask of one weight changes.</summary>
/// <param name="TargetLive">Live blocks after the change.</param>
/// <param name="DropFraction">Share of live blocks to drop at least.</param>
/// <param name="GradientShare">Share of growth that goes by gradients: 1 as RigL, 0 as SET, between them mixed.</param>
internal readonly record struct TopologyRule(int TargetLive, double DropFraction, double GradientShare)
{
    /// <summary>The share of a recipe's growth.</summary>
    public static double GradientShareOf(SparsitySection section) => section.EffectiveGrowth switch
    {
        BlockGrowth.Gradient => 1,
        BlockGrowth.Random => 0,
        _ => section.GradientGrowthShare,
    };
}

/// <summary>
/// Drops live blocks and grows dead ones, as the Mixed Sparsity Training code does for single weights (Hu et al. 2024):
/// <code>
/// drop = max(⌊live·fraction⌋, live − target)    those of smallest mean magnitude
/// grow = drop + target − live                   a share by largest mean gradient, the rest at random among what is still dead
/// </code>
/// Blocks just dropped may grow again; they then have their values still. Of equal blocks the first counts. Growth by gradients is rounded to the
/// nearest block.
/// <para>
/// Outputs stay alive: the largest block of each line across the outputs is dropped only after all others, and lines without a live block
/// grow theirs first (the best by the rule's own measure). So a mask with at least as many live blocks as lines has no dead line, and one with fewer has no
/// two in one line, provided that the mask before was such a one; random masks are.
/// </para>
/// </summary>
internal static class TopologyUpdate
{
    /// <summary>A random mask with an exact number of live blocks, spread over the lines across the outputs first.</summary>
    public static BlockMask Random(SparseWeight weight, int live, BlockRandom random)
    {
        var mask = new BlockMask(weight);
        Grow(mask, live, 0, [], random);
        return mask;
    }

    /// <summary>The mask after a topology step; the old one stays as it is.</summary>
    /// <param name="mask">The mask before.</param>
    /// <param name="rule">How it changes.</param>
    /// <param name="weights">Mean magnitude of each block's weights [blocks].</param>
    /// <param name="gradients">Mean magnitude of each block's gradients [blocks]; may be empty where nothing grows by gradients.</param>
    /// <param name="random">Random numbers of this weight and step.</param>
    public static BlockMask Next(BlockMask mask, TopologyRule rule, ReadOnlySpan<float> weights, ReadOnlySpan<float> gradients, BlockRandom random)
    {
        var next = new BlockMask(mask);
        int drop = Math.Max((int)(mask.Live * rule.DropFraction), mask.Live - rule.TargetLive);
        int grow = drop + rule.TargetLive - mask.Live;
        if (rule.TargetLive == mask.Weight.Blocks) return BlockMask.Full(mask.Weight);
        if (drop > 0) Drop(next, drop, weights);
        if (grow > 0) Grow(next, grow, rule.GradientShare, gradients, random);
        return next;
    }

    static void Drop(BlockMask mask, int count, ReadOnlySpan<float> weights)
    {
        Check(mask, weights);
        var last = new BlockMask(mask.Weight);
        foreach (int block in BestOfLines(mask.Weight, Candidates.Largest(mask, true, weights)))
            if (block >= 0) last.Revive(block);
        int others = mask.Live - last.Live;
        BlockSelection.TakeSmallest(mask.Weight.Blocks, Math.Min(count, others), Candidates.Smallest(mask, weights, except: last), mask.Kill);
        BlockSelection.TakeSmallest(mask.Weight.Blocks, Math.Max(0, count - others), Candidates.Smallest(mask, weights), mask.Kill);
    }

    static void Grow(BlockMask mask, int count, double gradientShare, ReadOnlySpan<float> gradients, BlockRandom random)
    {
        int byGradient = (int)Math.Round(count * gradientShare, MidpointRounding.AwayFromZero);
        if (byGradient > 0) Check(mask, gradients);
        Candidates best = byGradient > 0 ? Candidates.Largest(mask, false, gradients) : Candidates.Random(mask, random);
        int revived = ReviveLines(mask, count, best);
        byGradient = Math.Max(0, byGradient - revived);
        BlockSelection.TakeSmallest(mask.Weight.Blocks, byGradient, best, mask.Revive);
        BlockSelection.TakeSmallest(mask.Weight.Blocks, count - revived - byGradient, Candidates.Random(mask, random), mask.Revive);
    }

    /// <summary>Grows the best block of each line that has none, the best lines first, and returns how many there were.</summary>
    static int ReviveLines(BlockMask mask, int most, Candidates dead)
    {
        bool[] alive = new bool[mask.Weight.OutputLines];
        for (int block = 0; block < mask.Weight.Blocks; block++)
            if (mask[block]) alive[mask.Weight.OutputLineOf(block)] = true;
        if (!alive.Contains(false)) return 0;
        var best = new List<(uint Key, int Block)>();
        foreach (int block in BestOfLines(mask.Weight, dead))
            if (block >= 0 && !alive[mask.Weight.OutputLineOf(block)]) best.Add((dead.KeyOf(block), block));
        best.Sort();
        int count = Math.Min(most, best.Count);
        for (int i = 0; i < count; i++) mask.Revive(best[i].Block);
        return count;
    }

    /// <summary>In each line across the outputs the candidate with the smallest key; -1 where there is none.</summary>
    static int[] BestOfLines(SparseWeight weight, Candidates candidates)
    {
        int[] best = new int[weight.OutputLines];
        Array.Fill(best, -1);
        for (int block = 0; block < weight.Blocks; block++)
        {
            if (!candidates.Contains(block)) continue;
            ref int line = ref best[weight.OutputLineOf(block)];
            if (line < 0 || candidates.KeyOf(block) < candidates.KeyOf(line)) line = block;
        }
        return best;
    }

    static void Check(BlockMask mask, ReadOnlySpan<float> magnitudes)
    {
        if (magnitudes.Length != mask.Weight.Blocks)
            throw new ArgumentException($"{mask.Weight.Name}: {mask.Weight.Blocks} magnitudes are expected, one for each block, not {magnitudes.Length}.");
    }

    /// <summary>Live or dead blocks of a mask, by magnitude or by chance.</summary>
    readonly ref struct Candidates : IBlockKeys
    {
        readonly BlockMask mask;
        readonly bool live;
        readonly BlockMask? except;
        readonly ReadOnlySpan<float> magnitudes;
        readonly uint flip;
        readonly BlockRandom random;

        Candidates(BlockMask mask, bool live, BlockMask? except, ReadOnlySpan<float> magnitudes, uint flip, BlockRandom random)
        {
            this.mask = mask;
            this.live = live;
            this.except = except;
            this.magnitudes = magnitudes;
            this.flip = flip;
            this.random = random;
        }

        public static Candidates Smallest(BlockMask mask, ReadOnlySpan<float> magnitudes, BlockMask? except = null) => new(mask, true, except, magnitudes, 0, default);
        public static Candidates Largest(BlockMask mask, bool live, ReadOnlySpan<float> magnitudes) => new(mask, live, null, magnitudes, uint.MaxValue, default);
        public static Candidates Random(BlockMask mask, BlockRandom random) => new(mask, false, null, default, 0, random);

        public bool Contains(int block) => mask[block] == live && except?[block] != true;

        /// <summary>Bits of floats that are not negative are ordered as the floats are.</summary>
        public uint KeyOf(int block) => magnitudes.IsEmpty ? random[block] : (BitConverter.SingleToUInt32Bits(magnitudes[block]) & 0x7FFFFFFF) ^ flip;
    }
}
