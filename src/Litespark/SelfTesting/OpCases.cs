using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.SelfTesting;

/// <summary>
/// The cases that a device is tested with: every op, at sizes that kernels find easy (whole tiles) and hard (one row, odd widths).
/// Legend: N tokens, D width, F width of the MLP, V vocabulary, B sequences, T tokens of one, H heads, KV key/value heads, K width of a head.
/// </summary>
internal static partial class OpCases
{
    /// <summary>All cases.</summary>
    /// <param name="large">Sizes of real models rather than small ones (for emulation).</param>
    public static IEnumerable<OpCase> All(bool large)
        => [.. Products(large), .. Norms(large), .. Elementwise(large), .. Losses(large), .. Attentions(large), .. SparseAttentions(large), .. Updates(large), .. Sparse(large)];

    static Shape S(params int[] dimensions) => new(dimensions);

    static OperandSpec X(params int[] dimensions) => new(new Shape(dimensions));

    static OperandSpec Float(params int[] dimensions) => new(new Shape(dimensions), IsFloat32: true);

    static OperandSpec Positive(params int[] dimensions) => new(new Shape(dimensions), OperandContents.Positive, IsFloat32: true);

    static OperandSpec Indices(int length, int limit, OperandContents contents = OperandContents.Index) => new(new Shape(length), contents, limit);

    static OpCase Case(string name, Op op, params OperandSpec[] operands) => new(name, _ => op, operands);

    static IEnumerable<OpCase> Products(bool large)
    {
        (int M, int N, int K)[] sizes = large
            ? [(512, 2304, 768), (4096, 288, 288), (37, 1001, 129), (1, 4096, 288)]
            : [(96, 64, 48), (37, 29, 19), (1, 72, 33), (130, 136, 40)];
        foreach ((int m, int n, int k) in sizes)
        {
            string size = $"{m} × {n} × {k}";
            // Sums of k rounded products: the error grows with their number.
            double tolerance = 1e-6 * Math.Sqrt(k);
            foreach ((bool ta, bool tb) in ((bool, bool)[])[(false, true), (false, false), (true, false), (true, true)])
            {
                OperandSpec[] operands = [ta ? X(k, m) : X(m, k), tb ? X(n, k) : X(k, n)];
                string form = (ta ? "aᵀ" : "a") + (tb ? "·bᵀ" : "·b");
                yield return Case($"matmul {form}, {size}", new MatMul(ta, tb), operands) with { Tolerance = tolerance };
                if (ta && !tb)
                {
                    var gradient = new MatMul(true, false) { ResultType = DataType.Float32 };
                    yield return Case($"matmul {form} in float32, {size}", gradient, operands) with { Tolerance = tolerance };
                    yield return Case($"matmul {form} in float32, added, {size}", gradient.WithAddend(0), [.. operands, Float(m, n)]) with { Tolerance = tolerance };
                }
            }

            yield return Case($"matmul with bias, {size}", new MatMul(false, true, HasBias: true), X(m, k), X(n, k), X(n)) with { Tolerance = tolerance };
            yield return Case($"matmul with bias, scaled, added, {size}", new MatMul(false, false, HasBias: true, Alpha: 0.5f).WithAddend(0), X(m, k), X(k, n), X(n), X(m, n)) with { Tolerance = tolerance };
            yield return Case($"column_sum, {size}", new ColumnSum(), X(m, n)) with { Tolerance = tolerance };
            yield return Case($"column_sum, added, {size}", new ColumnSum().WithAddend(0), X(m, n), Float(n)) with { Tolerance = tolerance };
        }
    }

    static IEnumerable<OpCase> Norms(bool large)
    {
        (int N, int D)[] sizes = large ? [(2048, 768), (512, 3072), (33, 8192), (7, 1001)] : [(33, 48), (3, 7), (1, 1), (5, 288), (2, 2056)];
        foreach ((int n, int d) in sizes)
        {
            string size = $"{n} × {d}";
            yield return Case($"rms_norm, {size}", new RmsNorm(1e-5f, d), X(n, d), X(d));
            yield return Case($"add_rms_norm, {size}", new RmsNorm(1e-5f, d, HasResidual: true), X(n, d), X(d), X(n, d));
            yield return Case($"rms_norm_gradient, {size}", new RmsNormGradient(d), X(n, d), X(n, d), X(d), Positive(n)) with { Tolerance = 1e-5 };
            yield return Case($"rms_norm_gradient, added, {size}", new RmsNormGradient(d).WithAddend(0).WithAddend(1), X(n, d), X(n, d), X(d), Positive(n), X(n, d), Float(d)) with { Tolerance = 1e-5 };
            yield return Case($"layer_norm, {size}", new LayerNorm(1e-5f), X(n, d), X(d), X(d)) with { Tolerance = 1e-5 };
            yield return Case($"add_layer_norm, {size}", new LayerNorm(1e-5f, HasResidual: true), X(n, d), X(d), X(d), X(n, d)) with { Tolerance = 1e-5 };
            yield return Case($"layer_norm_gradient, {size}", new LayerNormGradient(), X(n, d), X(n, d), X(d), Float(n), Positive(n)) with { Tolerance = 1e-5 };
            yield return Case($"layer_norm_gradient, added, {size}", new LayerNormGradient().WithAddend(0).WithAddend(1).WithAddend(2),
                X(n, d), X(n, d), X(d), Float(n), Positive(n), X(n, d), Float(d), Float(d)) with { Tolerance = 1e-5 };
        }

        int heads = large ? 16 : 3, width = large ? 128 : 16, tokens = large ? 512 : 5;
        yield return Case($"rms_norm of heads, {tokens} × {heads} · {width}", new RmsNorm(1e-6f, width), X(tokens, heads * width), X(width));
        yield return Case($"rms_norm_gradient of heads, {tokens} × {heads} · {width}", new RmsNormGradient(width), X(tokens, heads * width), X(tokens, heads * width), X(width), Positive(tokens * heads)) with { Tolerance = 1e-5 };
    }

    static IEnumerable<OpCase> Elementwise(bool large)
    {
        (int N, int D)[] sizes = large ? [(2048, 768), (7, 1001), (1, 1)] : [(17, 48), (3, 7), (1, 1)];
        foreach ((int n, int d) in sizes)
        {
            string size = $"{n} × {d}";
            yield return Case($"add, {size}", new Add(), X(n, d), X(n, d));
            yield return Case($"multiply, {size}", new Multiply(), X(n, d), X(n, d));
            yield return Case($"scale, {size}", new Scale(-0.37f), X(n, d));
            yield return Case($"copy, {size}", new Copy(), X(n, d));
            yield return new OpCase($"fill, {size}", precision => new Fill(S(n, d), 0.5f, precision), []);
            yield return Case($"cast to float32, {size}", new Cast(DataType.Float32), X(n, d));
            yield return new OpCase($"cast from float32, {size}", precision => new Cast(precision), [Float(n, d)]);
            foreach (ActivationKind kind in Enum.GetValues<ActivationKind>())
            {
                yield return Case($"{kind}, {size}", new Activation(kind), X(n, d)) with { Tolerance = 1e-5 };
                yield return Case($"{kind} gradient, {size}", new ActivationGradient(kind), X(n, d), X(n, d)) with { Tolerance = 1e-5 };
                yield return Case($"gated {kind}, {size}", new GatedActivation(kind), X(n, 2 * d)) with { Tolerance = 1e-5 };
                yield return Case($"gated {kind} gradient, {size}", new GatedActivationGradient(kind), X(n, d), X(n, 2 * d)) with { Tolerance = 1e-5 };
            }

            int rows = large ? 5000 : 23;
            yield return Case($"embedding, {size}", new Embedding(), Indices(n, rows), X(rows, d));
            yield return Case($"embedding, added, {size}", new Embedding().WithAddend(0), Indices(n, rows), X(rows, d), X(n, d));
            yield return Case($"embedding_gradient, {size}", new EmbeddingGradient(rows), Indices(n, rows), X(n, d));
            yield return Case($"embedding_gradient, added, {size}", new EmbeddingGradient(rows).WithAddend(0), Indices(n, rows), X(n, d), Float(rows, d));
        }

        foreach ((int heads, int width, int rotary) in ((int, int, int)[])[(3, 16, 16), (2, 48, 48), (2, 64, 32)])
        {
            int tokens = large ? 1024 : 11, positions = tokens;
            foreach (bool inverse in (bool[])[false, true])
                yield return Case($"rope{(inverse ? ", inverse" : "")}, {heads} × {width}, {rotary} rotate", new Rope(width, rotary, inverse),
                    X(tokens, heads * width), Indices(tokens, positions), Float(positions, rotary / 2), Float(positions, rotary / 2));
        }
    }

    static IEnumerable<OpCase> Losses(bool large)
    {
        (int N, int V)[] sizes = large ? [(256, 32000), (33, 50257), (5, 1001)] : [(5, 311), (3, 64), (1, 7), (2, 4099)];
        foreach ((int n, int v) in sizes)
        {
            string size = $"{n} × {v}";
            OperandSpec targets = Indices(n, v, OperandContents.Target), largeSums = Positive(n) with { Scale = 8 };
            yield return Case($"cross_entropy, {size}", new CrossEntropy(), X(n, v), targets) with { Tolerance = 1e-5 };
            yield return Case($"cross_entropy_gradient, {size}", new CrossEntropyGradient(), X(n, v), targets, largeSums, Positive(1)) with { Tolerance = 1e-5 };
            yield return Case($"cross_entropy_with_gradient, {size}", new CrossEntropyWithGradient(), X(n, v), targets, Positive(1)) with { Tolerance = 1e-5 };
        }

        int length = large ? 1_000_003 : 3001;
        yield return Case($"sum, {length}", new Sum(), Positive(length)) with { Tolerance = 1e-5 };
        yield return Case($"sum_of_squares, {length}", new SumOfSquares(), Float(length)) with { Tolerance = 1e-5 };
        yield return Case($"sum_of_squares, added, {length}", new SumOfSquares().WithAddend(0), Float(length), Positive(1)) with { Tolerance = 1e-5 };
        yield return Case("clip_factor", new ClipFactor(1), Positive(1));
        yield return Case("clip_factor, off", new ClipFactor(0), Positive(1));
    }

    static IEnumerable<OpCase> Attentions(bool large)
    {
        (int B, int T, int H, int KV, int K, int Window)[] sizes = large
            ? [(2, 512, 12, 12, 64, 0), (2, 512, 12, 4, 64, 0), (1, 1000, 8, 2, 128, 0), (2, 300, 6, 6, 48, 100), (1, 257, 4, 4, 256, 0)]
            : [(2, 37, 2, 1, 16, 0), (1, 70, 2, 2, 48, 0), (1, 65, 1, 1, 64, 20), (1, 1, 1, 1, 8, 0)];
        foreach ((int b, int t, int h, int kv, int k, int window) in sizes)
        {
            var geometry = new AttentionGeometry(b, t, h, kv, k);
            string size = Size(geometry, window);
            int n = b * t;
            float scale = 1 / MathF.Sqrt(k);
            OperandSpec starts = Indices(n, t, OperandContents.DocumentStart), sums = new(S(b, h, t), OperandContents.Positive, IsFloat32: true, Scale: 5);
            yield return Case($"attention, {size}", new Attention(geometry, window, scale), X(n, h * k), X(n, kv * k), X(n, kv * k), starts) with { Tolerance = 1e-5 };
            yield return Case($"attention_gradient, {size}", new AttentionGradient(geometry, window, scale),
                X(n, h * k), X(n, kv * k), X(n, kv * k), X(n, h * k), sums, starts, X(n, h * k)) with { Tolerance = 1e-5 };
            if (window == 0)
            {
                // Without documents libraries have kernels too.
                starts = starts with { Contents = OperandContents.WholeSequence };
                yield return Case($"attention of whole sequences, {size}", new Attention(geometry, window, scale), X(n, h * k), X(n, kv * k), X(n, kv * k), starts) with { Tolerance = 1e-5 };
                yield return Case($"attention_gradient of whole sequences, {size}", new AttentionGradient(geometry, window, scale),
                    X(n, h * k), X(n, kv * k), X(n, kv * k), X(n, h * k), sums, starts, X(n, h * k)) with { Tolerance = 1e-5 };
            }

            if (large && t > 600) continue;
            yield return Case($"attention_scores, {size}", new HeadProduct(HeadProductKind.Scores, geometry, scale), X(n, h * k), X(n, kv * k)) with { Tolerance = 1e-5 };
            yield return Case($"attention_mix, {size}", new HeadProduct(HeadProductKind.Mix, geometry, 1), X(b, h, t, t), X(n, kv * k)) with { Tolerance = 1e-5 };
            yield return Case($"attention_mix_transposed, {size}", new HeadProduct(HeadProductKind.MixTransposed, geometry, 1), X(b, h, t, t), X(n, h * k)) with { Tolerance = 1e-5 };
            yield return Case($"causal_mask and softmax, {size}", new CausalMask(geometry, window), X(b, h, t, t), starts);
            yield return Case($"softmax, {size}", new Softmax(), X(b, h, t, t)) with { Tolerance = 1e-5 };
            yield return Case($"softmax_gradient, {size}", new SoftmaxGradient(), X(b, h, t, t), new OperandSpec(S(b, h, t, t), OperandContents.Positive, Scale: 1f / t)) with { Tolerance = 1e-5 };
        }

        (int m, int capacity, int heads, int shared, int width) = large ? (7, 512, 12, 4, 64) : (3, 24, 4, 2, 16);
        yield return Case($"cached_attention, {m} of {capacity}, {heads}/{shared} heads of {width}", new CachedAttention(heads, shared, width, 0, 1 / MathF.Sqrt(width)),
            X(m, heads * width), X(m, shared * width), X(m, shared * width), Indices(m, m, OperandContents.Position), X(capacity, shared * width), X(capacity, shared * width)) with { Tolerance = 1e-5 };
    }

    static IEnumerable<OpCase> Updates(bool large)
    {
        foreach (int length in large ? (int[])[1 << 20, 1001] : [2048, 33])
        {
            OperandSpec copy = X(length) with { IsRoundedCopy = true };
            yield return new OpCase($"adamw, {length}", precision => new AdamW(0.9f, 0.95f, 1e-8f, 0.1f, precision != DataType.Float32),
                [Float(length), Float(length), Float(length), Positive(length), Positive(4), Positive(1), copy], 1e-5);
            yield return new OpCase($"scaled_update, {length}", precision => new ScaledUpdate(0.7f, 0.1f, precision != DataType.Float32), [Float(length), X(length), Positive(4), copy], 1e-5);
            foreach (bool nesterov in (bool[])[false, true])
                yield return new OpCase($"momentum{(nesterov ? ", Nesterov" : "")}, {length}", precision => new Momentum(0.95f, nesterov, precision), [Float(length), Float(length), Positive(1)]);
            yield return Case($"normalize, {length}", new Normalize(1e-7f), X(length)) with { Tolerance = 1e-5 };
        }
    }
}
