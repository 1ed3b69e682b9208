using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.SelfTesting;

/// <summary>Cases of attention with patterns: every mode, blocks of one token, of a part of a tile and of several tiles, heads that differ, and what a threshold leaves out.</summary>
internal static partial class OpCases
{
    static readonly AttentionPattern[] patterns =
    [
        new(AttentionMode.LocalOrStrided, 128, 256, 64), new(AttentionMode.Local, 100, 0, 1), AttentionPattern.Dense, new(AttentionMode.Strided, 0, 128, 32), new(AttentionMode.Fixed, 48, 0, 1),
        new(AttentionMode.Local, 64, 0, 64), new(AttentionMode.LocalOrStrided, 72, 144, 24), new(AttentionMode.Fixed, 128, 0, 64), new(AttentionMode.Strided, 0, 5, 1), new(AttentionMode.Strided, 0, 65, 1),
    ];

    static IEnumerable<OpCase> SparseAttentions(bool large)
    {
        (int B, int T, int H, int KV, int K, int Window, OperandContents Documents)[] sizes = large
            ? [(1, 1024, 20, 10, 64, 0, OperandContents.WholeSequence), (1, 1000, 16, 2, 128, 0, OperandContents.WholeSequence), (2, 515, 10, 5, 96, 200, OperandContents.WholeSequence), (1, 700, 10, 10, 256, 0, OperandContents.WholeSequence), (2, 300, 10, 10, 48, 0, OperandContents.DocumentStart)]
            : [(1, 150, 10, 5, 16, 0, OperandContents.WholeSequence), (2, 70, 4, 2, 48, 20, OperandContents.WholeSequence), (1, 33, 10, 10, 8, 0, OperandContents.DocumentStart)];
        foreach ((int b, int t, int h, int kv, int k, int window, OperandContents documents) in sizes)
        {
            var geometry = new AttentionGeometry(b, t, h, kv, k);
            string size = Size(geometry, window) + (documents == OperandContents.DocumentStart ? ", documents" : "");
            OperandSpec starts = Indices(b * t, t, documents), buffer = Patterns(h, patterns, 0);
            foreach (OpCase test in Both(size, geometry, window, X(b * t, h * k), X(b * t, kv * k), starts, buffer)) yield return test;
            if (large && t > 600) continue;
            yield return Case($"causal_mask of patterns, {size}", new CausalMask(geometry, window) { HasPattern = true }, X(b, h, t, t), starts, buffer);
        }

        foreach ((int b, int t, int h, int kv, int k) in large ? ((int, int, int, int, int)[])[(1, 2048, 8, 8, 64), (1, 1500, 8, 2, 128)] : [(1, 512, 2, 1, 16)])
        {
            var geometry = new AttentionGeometry(b, t, h, kv, k);
            OperandSpec Walsh(int heads) => new(S(b * t, heads * k), OperandContents.Walsh, t) { HeadDim = k };
            OperandSpec starts = Indices(b * t, t, OperandContents.WholeSequence), buffer = Patterns(h, [AttentionPattern.Dense, patterns[0]], 1f / 1024);
            foreach (OpCase test in Both($"{Size(geometry, 0)}, threshold", geometry, 0, Walsh(h), Walsh(kv), starts, buffer)) yield return test.Op(DataType.Float32) is Attention ? test with { OwnShare = (2, 0.6) } : test;
        }
    }

    static IEnumerable<OpCase> Both(string size, AttentionGeometry g, int window, OperandSpec q, OperandSpec k, OperandSpec starts, OperandSpec buffer)
    {
        float scale = 1 / MathF.Sqrt(g.HeadDim);
        OperandSpec wide = X(g.Tokens, g.Heads * g.HeadDim), narrow = X(g.Tokens, g.KeyValueHeads * g.HeadDim), sums = new(S(g.Sequences, g.Heads, g.SequenceLength), OperandContents.Positive, IsFloat32: true, Scale: 5);
        yield return Case($"attention with patterns, {size}", new Attention(g, window, scale) { HasPattern = true }, q, k, narrow, starts, buffer) with { Tolerance = 1e-5 };
        yield return Case($"attention_gradient with patterns, {size}", new AttentionGradient(g, window, scale) { HasPattern = true }, q, k, narrow, wide, sums, starts, wide, buffer) with { Tolerance = 1e-5 };
    }

    static string Size(AttentionGeometry g, int window) => $"{g.Sequences} × {g.SequenceLength}, {g.Heads}/{g.KeyValueHeads} heads of {g.HeadDim}{(window > 0 ? $", window {window}" : "")}";

    static OperandSpec Patterns(int heads, IReadOnlyList<AttentionPattern> ofHeads, float threshold)
        => new(S(AttentionPatternBuffer.Length(heads)), OperandContents.Patterns) { Patterns = ofHeads, Threshold = threshold };
}
