using System.Text.Json.Nodes;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.SelfTesting;

/// <summary>What hidden pairs are worth in time: attention with patterns beside dense attention.</summary>
internal static class SparseAttentionRows
{
    const double Tolerance = 1e-2, ExactTolerance = 1e-4, ShareTolerance = 1e-6;
    const float Threshold = 1f / 1024;

    /// <summary>Patterns by blocks of 64, which are tiles of the GPU's kernels, one by blocks that are not, and one as published; what a threshold leaves out last.</summary>
    static readonly (string Name, AttentionPattern Pattern, float Threshold)[] patterns =
    [
        ("dense", AttentionPattern.Dense, 0),
        ("local 128", new(AttentionMode.Local, 128, 0, 64), 0),
        ("local 512", new(AttentionMode.Local, 512, 0, 64), 0),
        ("local 1024", new(AttentionMode.Local, 1024, 0, 64), 0),
        ("strided 512", new(AttentionMode.Strided, 0, 512, 64), 0),
        ("local or strided 128, 512", new(AttentionMode.LocalOrStrided, 128, 512, 64), 0),
        ("fixed 512", new(AttentionMode.Fixed, 512, 0, 64), 0),
        ("local or strided 72, 144 by blocks of 24", new(AttentionMode.LocalOrStrided, 72, 144, 24), 0),
        ("local 128 by single tokens", new(AttentionMode.Local, 128, 0, 1), 0),
        ("local or strided 128, 128 by single tokens", new(AttentionMode.LocalOrStrided, 128, 128, 1), 0),
        ("dense, a threshold", AttentionPattern.Dense, Threshold),
    ];

    /// <summary>One row for each pattern; false where the time is over.</summary>
    public static bool Add(SelfTestContext context, AttentionGeometry geometry)
    {
        string size = $"{geometry.Sequences} × {geometry.SequenceLength}, {geometry.Heads}/{geometry.KeyValueHeads} heads of {geometry.HeadDim}";
        (string Name, AttentionPattern Pattern, float Threshold)[] wanted = [.. patterns.Where(row => context.Wants($"attention, {size}, {row.Name}"))];
        if (wanted.Length == 0) return true;
        if (!context.HasTime()) return false;
        context.Try($"attention, {size}", () =>
        {
            if (!context.Fits(SparseAttentionTrial.Programs(context.Device, geometry)))
            {
                context.Add(true, new JsonObject { ["attention"] = size, ["left_out"] = "it does not fit the device's memory" });
                return;
            }

            using var trial = new SparseAttentionTrial(context.Device, geometry);
            foreach ((string name, AttentionPattern pattern, float threshold) in wanted)
            {
                if (!context.HasTime()) return;
                AttentionFinding finding = trial.Run(pattern, threshold);
                double share = pattern.Share(geometry.SequenceLength);
                double tolerance = context.Device.Profile.Precision == DataType.Float32 ? ExactTolerance : Tolerance;
                bool isRounding = finding.Error <= tolerance && (pattern != AttentionPattern.Dense || finding.BesideDense <= tolerance), isCounted = threshold > 0 ? finding.Share > 0 && finding.Share < share : Math.Abs(finding.Share - share) <= ShareTolerance;
                JsonObject line = Describe(size, name, trial, finding, isRounding && isCounted);
                line["error"] = Finite(finding.Error);
                if (pattern == AttentionPattern.Dense) line["beside_dense"] = Finite(finding.BesideDense); // others are other numbers
                context.Add(isRounding && isCounted, line);
            }
        });
        return context.HasTime();
    }

    static JsonObject Describe(string size, string pattern, SparseAttentionTrial trial, AttentionFinding finding, bool passed) => new()
    {
        ["attention"] = size, ["pattern"] = pattern, ["share"] = Digits(finding.Share), ["passed"] = passed,
        ["dense_by"] = trial.Libraries.Count == 0 ? "own kernels" : string.Join(", ", trial.Libraries),
        ["forward"] = Figures(finding.Forward, trial.ForwardFlops, finding.Share), ["gradient"] = Figures(finding.Gradient, 2.5 * trial.ForwardFlops, finding.Share),
    };

    /// <summary>TFLOP/s are those of the pairs that are computed.</summary>
    static JsonObject Figures(AttentionTimes times, double flops, double share) => new()
    {
        ["ms"] = Digits(times.Sparse * 1e3), ["tflops"] = Digits(share * flops / times.Sparse / 1e12),
        ["dense_ms"] = Digits(times.Dense * 1e3), ["own_dense_ms"] = Digits(times.Own * 1e3), ["own_dense_tflops"] = Digits(flops / times.Own / 1e12),
        ["of_own_dense"] = Digits(times.Sparse / times.Own), ["of_dense"] = Digits(times.Sparse / Math.Min(times.Dense, times.Own)),
    };

    static double? Finite(double error) => double.IsFinite(error) ? Digits(error) : null;

    static double Digits(double value) => double.Parse($"{value:g4}");
}
