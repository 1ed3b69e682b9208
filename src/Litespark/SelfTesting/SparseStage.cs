using System.Text.Json.Nodes;
using Litespark.Graphs.Ops;
using Litespark.Models;

namespace Litespark.SelfTesting;

/// <summary>
/// What dead blocks are worth in time: products with weights of which a quarter of the blocks live, beside the dense products over the same zeros, and
/// attention with patterns beside dense attention.
/// </summary>
internal sealed class SparseStage : SelfTestStage
{
    public override string Name => "sparse";

    public override string Purpose => "products with block-sparse weights at 75 % sparsity and attention with patterns beside dense ones, the library's and our own";

    public override string? Run(SelfTestContext context)
    {
        foreach (SelfTestModel model in context.Settings.SparseModels)
        {
            var total = new SparseTimes(0, 0, 0);
            int cases = 0;
            foreach ((string weight, int[] members, int columns) in Weights(ModelPresets.Get(model.Preset)))
                foreach (SparseProductKind kind in Enum.GetValues<SparseProductKind>())
                {
                    string name = $"{model.Preset}, {weight}, {kind}";
                    if (!context.Wants(name)) continue;
                    if (!context.HasTime()) return null;
                    context.Try(name, () =>
                    {
                        var trial = new SparseProductTrial(context.Device, kind, members, columns, model.SequenceLength * model.MicroBatch);
                        var line = new JsonObject { ["model"] = model.Preset, ["weight"] = weight, ["product"] = kind.ToString().ToLowerInvariant() };
                        if (!context.Fits(trial.Programs))
                        {
                            line["left_out"] = "it does not fit the device's memory";
                            context.Add(true, line);
                            return;
                        }

                        SparseFinding finding = trial.Run();
                        total += finding.Times;
                        cases++;
                        context.Add(finding.Passed, Describe(line, trial, finding));
                    });
                }

            if (cases > 0) context.Add(true, new JsonObject { ["model"] = model.Preset, ["products"] = cases, ["speedup"] = Digits(total.Speedup), ["speedup_over_own"] = Digits(total.Own / total.Sparse) });
        }

        foreach (AttentionGeometry geometry in context.Settings.SparseAttentions)
            if (!SparseAttentionRows.Add(context, geometry)) return null;
        return null;
    }

    static JsonObject Describe(JsonObject line, SparseProductTrial trial, SparseFinding finding)
    {
        line["tokens"] = trial.Tokens;
        line["grid"] = $"{trial.Grid}";
        line["density"] = Digits(trial.Density);
        line["passed"] = finding.Passed;
        line["error"] = double.IsFinite(finding.Error) ? finding.Error : null;
        line["sparse"] = Figures(finding.Times.Sparse, trial.Flops * trial.Density, "own kernels");
        line["dense"] = Figures(finding.Times.Dense, trial.Flops, finding.Library ?? "own kernels");
        line["own_dense"] = Figures(finding.Times.Own, trial.Flops, "own kernels");
        line["speedup"] = Digits(finding.Times.Speedup);
        if (finding.Kernels.Count > 0) line["kernels"] = new JsonObject(finding.Kernels.Select(kernel => KeyValuePair.Create(kernel.Name, (JsonNode?)Describe(kernel, trial, finding))));
        return line;
    }

    static JsonObject Describe(SparseKernelFinding kernel, SparseProductTrial trial, SparseFinding finding) => new()
    {
        ["ms"] = Digits(kernel.Seconds * 1e3), ["tflops"] = Digits(trial.Flops * trial.Density / kernel.Seconds / 1e12),
        ["speedup"] = Digits(Math.Min(finding.Times.Dense, finding.Times.Own) / kernel.Seconds), ["error"] = double.IsFinite(kernel.Error) ? kernel.Error : null,
    };

    static JsonObject Figures(double seconds, double flops, string by) => new() { ["by"] = by, ["ms"] = Digits(seconds * 1e3), ["tflops"] = Digits(flops / seconds / 1e12) };

    static double Digits(double value) => double.Parse($"{value:g4}");

    /// <summary>A layer's weights as the litespark plan stores them: members along the rows, and columns.</summary>
    static IEnumerable<(string Name, int[] Members, int Columns)> Weights(TransformerSpec spec)
    {
        int queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;
        yield return ("query_key_value", [queries, keys, keys], spec.HiddenSize);
        yield return ("attention_output", [spec.HiddenSize], queries);
        yield return ("gate_up", [spec.IntermediateSize, spec.IntermediateSize], spec.HiddenSize);
        yield return ("down", [spec.HiddenSize], spec.IntermediateSize);
    }
}
