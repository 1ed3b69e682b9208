using Litespark.Graphs;

namespace Litespark.Tests.Graphs;

/// <summary>Patterns against the published masks, written down pair by pair.</summary>
public class AttentionPatternTests
{
    public static TheoryData<AttentionMode, int, int, int> Patterns
    {
        get
        {
            var data = new TheoryData<AttentionMode, int, int, int>();
            foreach (AttentionMode mode in Enum.GetValues<AttentionMode>())
                foreach ((int window, int stride, int block) in ((int, int, int)[])[(1, 1, 1), (5, 3, 1), (7, 13, 1), (4, 4, 4), (9, 10, 4), (100, 90, 16), (3, 200, 7), (AttentionPattern.MostTokens, AttentionPattern.MostTokens, 1)])
                    data.Add(mode, window, stride, block);
            return data;
        }
    }

    /// <summary>The masks as published, over tokens or over whole blocks.</summary>
    static bool Published(AttentionMode mode, int window, int stride, int t, int j)
    {
        bool local = j > t - window, strided = (t - j) % stride == 0;
        return mode switch
        {
            AttentionMode.Causal => true,
            AttentionMode.Local => local,
            AttentionMode.Strided => strided,
            AttentionMode.LocalOrStrided => local || strided,
            _ => j / window == t / window || j % window == window - 1,
        };
    }

    static int CeilingOf(int tokens, int block) => (int)Math.Ceiling(tokens / (double)block);

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Shows_the_published_pairs_of_blocks(AttentionMode mode, int window, int stride, int block)
    {
        var pattern = new AttentionPattern(mode, window, stride, block);
        for (int t = 0; t < 150; t++)
        {
            Assert.True(pattern.Allows(t, t));
            for (int j = 0; j < 160; j++)
            {
                bool expected = j <= t && Published(mode, CeilingOf(window, block), CeilingOf(stride, block), t / block, j / block);
                Assert.True(expected == pattern.Allows(t, j), $"{t}, {j}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Counts_and_first_keys_are_those_of_single_pairs(AttentionMode mode, int window, int stride, int block)
    {
        var pattern = new AttentionPattern(mode, window, stride, block);
        for (int t = 0; t < 90; t++)
            for (int from = 0; from <= t; from++)
            {
                Assert.Equal(Enumerable.Range(from, t + 1 - from).First(j => pattern.Allows(t, j)), pattern.FirstVisible(t, from));
                foreach (int to in (int[])[from, from + (t + 1 - from) / 2, t, t + 1])
                    Assert.Equal(Enumerable.Range(from, Math.Max(0, to - from)).Count(j => pattern.Allows(t, j)), pattern.Count(t, from, to));
            }

        foreach (int slidingWindow in (int[])[0, 1, 20])
        {
            long live = 0, causal = 0;
            for (int t = 0; t < 130; t++)
                for (int j = 0; j <= t; j++)
                {
                    if (slidingWindow > 0 && j <= t - slidingWindow) continue;
                    causal++;
                    if (pattern.Allows(t, j)) live++;
                }

            Assert.Equal(live, pattern.LivePairs(130, slidingWindow));
            Assert.Equal((double)live / causal, pattern.Share(130, slidingWindow), 12);
        }
    }

    /// <summary>The area of the published masks at a context of 1,024 and a window and stride of 128, by arithmetic: 23.4, 0.88, 24.1 and 13.3 %.</summary>
    [Theory]
    [InlineData(AttentionMode.Local, 0.234)]
    [InlineData(AttentionMode.Strided, 0.0088)]
    [InlineData(AttentionMode.LocalOrStrided, 0.241)]
    [InlineData(AttentionMode.Fixed, 0.133)]
    public void Shares_of_the_published_masks(AttentionMode mode, double share) => Assert.Equal(share, new AttentionPattern(mode, 128, 128, 1).Share(1024), 3);

    [Fact]
    public void A_buffer_gives_back_what_was_written_and_zeros_are_dense()
    {
        AttentionPattern[] patterns = [new(AttentionMode.Fixed, 9, 0, 2), AttentionPattern.Dense, new(AttentionMode.LocalOrStrided, 4, 8, 1), new(AttentionMode.Strided, 0, 3, 1)];
        var buffer = new int[AttentionPatternBuffer.Length(4)];
        Assert.Equal(AttentionPattern.Dense, AttentionPatternBuffer.Read(buffer, 3));
        Assert.Equal(0, AttentionPatternBuffer.Threshold(buffer));
        AttentionPatternBuffer.Write(patterns, 1e-4f, buffer);
        Assert.Equal(patterns, Enumerable.Range(0, 4).Select(head => AttentionPatternBuffer.Read(buffer, head)));
        Assert.Equal(1e-4f, AttentionPatternBuffer.Threshold(buffer));
    }

    [Fact]
    public void What_is_no_pattern_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPattern((AttentionMode)5, 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPattern(AttentionMode.Local, 0, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPattern(AttentionMode.Strided, 1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPattern(AttentionMode.Fixed, 1, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPattern(AttentionMode.Strided, 1, AttentionPattern.MostTokens + 1, 1));
        Assert.Throws<ArgumentException>(() => AttentionPatternBuffer.Write([AttentionPattern.Dense], 0, new int[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionPatternBuffer.Write([AttentionPattern.Dense], 1, new int[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionPatternBuffer.Write([AttentionPattern.Dense], float.NaN, new int[5]));
    }
}
