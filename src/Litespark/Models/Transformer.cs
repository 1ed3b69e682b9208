using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Models;

/// <summary>
/// The decoder-only transformers that <see cref="TransformerSpec"/> describes, written in small ops; fusions are the passes' business.
/// Shape legend: N tokens, D hidden, H query heads, G key/value heads, K head size, F intermediate, V vocabulary.
/// </summary>
public static class Transformer
{
    /// <summary>The model function of a spec: context → logits [N, V].</summary>
    public static ModelFunction Function(TransformerSpec spec) => context => Logits(context, spec);

    /// <summary>Builds the logits [N, V].</summary>
    public static Value Logits(ModelContext context, TransformerSpec spec)
    {
        GraphBuilder g = context.Builder;
        ParameterNames names = ParameterNames.For(spec.Family);
        Value table_VD = Weight(g, spec, names.TokenEmbedding, spec.VocabSize, spec.HiddenSize);
        Value x_ND = g.Embedding(context.Tokens, table_VD);
        (Value Cos, Value Sin)? rope = null;
        if (spec.Family == ModelFamily.Gpt2)
            x_ND = g.Add(x_ND, g.Embedding(context.Positions, Weight(g, spec, names.PositionEmbedding, spec.MaxPositionEmbeddings, spec.HiddenSize)));
        else
            rope = RopeTables.Add(g, context.PositionLimit, spec.HeadDim, spec.RopeTheta, spec.RopeScaling);

        for (int layer = 0; layer < spec.NumHiddenLayers; layer++)
        {
            g.Layer = layer;
            LayerParameterNames p = names.Layer(layer);
            x_ND = g.Add(x_ND, Attention(context, spec, p, layer, Norm(g, spec, p.AttentionNorm, x_ND), rope));
            Value y_ND = Norm(g, spec, p.MlpNorm, x_ND);
            x_ND = g.Add(x_ND, spec.Family == ModelFamily.Gpt2 ? Mlp(g, spec, p, y_ND) : GatedMlp(g, spec, p, y_ND));
        }

        g.Layer = -1;
        x_ND = context.RowsForLogits(Norm(g, spec, names.FinalNorm, x_ND));
        return g.Linear(x_ND, spec.TieWordEmbeddings ? table_VD : Weight(g, spec, names.OutputHead, spec.VocabSize, spec.HiddenSize));
    }

    static Value Attention(ModelContext context, TransformerSpec spec, LayerParameterNames p, int layer, Value x_ND, (Value Cos, Value Sin)? rope)
    {
        GraphBuilder g = context.Builder;
        int queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;
        Value q_NHK, k_NGK, v_NGK;
        if (spec.Family == ModelFamily.Gpt2)
        {
            Value qkv = InputFirst(g, spec, p.FusedQkv, x_ND, queries + 2 * keys);
            (q_NHK, k_NGK, v_NGK) = (g.Slice(qkv, 1, 0, queries), g.Slice(qkv, 1, queries, keys), g.Slice(qkv, 1, queries + keys, keys));
        }
        else
        {
            q_NHK = Linear(g, spec, p.Query, x_ND, queries, spec.QkvBias);
            k_NGK = Linear(g, spec, p.Key, x_ND, keys, spec.QkvBias);
            v_NGK = Linear(g, spec, p.Value, x_ND, keys, spec.QkvBias);
        }

        if (spec.QkNorm)
        {
            q_NHK = g.RmsNorm(q_NHK, Ones(g, p.QueryNorm, spec.HeadDim), spec.NormEpsilon, spec.HeadDim);
            k_NGK = g.RmsNorm(k_NGK, Ones(g, p.KeyNorm, spec.HeadDim), spec.NormEpsilon, spec.HeadDim);
        }

        if (rope is { } tables)
        {
            q_NHK = g.Rope(q_NHK, context.Positions, tables.Cos, tables.Sin, spec.HeadDim);
            k_NGK = g.Rope(k_NGK, context.Positions, tables.Cos, tables.Sin, spec.HeadDim);
        }

        Value o_NHK = context.Attention(layer, q_NHK, k_NGK, v_NGK, spec.HeadDim, spec.SlidingWindow);
        return spec.Family == ModelFamily.Gpt2
            ? InputFirst(g, spec, p.AttentionOutput, o_NHK, spec.HiddenSize, residual: true)
            : Linear(g, spec, p.AttentionOutput, o_NHK, spec.HiddenSize, spec.OutputBias);
    }

    static Value GatedMlp(GraphBuilder g, TransformerSpec spec, LayerParameterNames p, Value x_ND)
    {
        Value gate_NF = g.Activation(Linear(g, spec, p.Gate, x_ND, spec.IntermediateSize, spec.MlpBias), spec.Activation);
        Value up_NF = Linear(g, spec, p.Up, x_ND, spec.IntermediateSize, spec.MlpBias);
        return Linear(g, spec, p.Down, g.Multiply(gate_NF, up_NF), spec.HiddenSize, spec.MlpBias);
    }

    static Value Mlp(GraphBuilder g, TransformerSpec spec, LayerParameterNames p, Value x_ND)
    {
        Value h_NF = g.Activation(InputFirst(g, spec, p.Up, x_ND, spec.IntermediateSize), spec.Activation);
        return InputFirst(g, spec, p.Down, h_NF, spec.HiddenSize, residual: true);
    }

    static Value Norm(GraphBuilder g, TransformerSpec spec, ModuleName name, Value x_ND)
        => spec.Family == ModelFamily.Gpt2
            ? g.LayerNorm(x_ND, Ones(g, name, spec.HiddenSize), g.Parameter(name.Bias, new Shape(spec.HiddenSize), Initializer.Zero), spec.NormEpsilon)
            : g.RmsNorm(x_ND, Ones(g, name, spec.HiddenSize), spec.NormEpsilon);

    static Value Linear(GraphBuilder g, TransformerSpec spec, ModuleName name, Value x, int width, bool hasBias)
        => g.Linear(x, Weight(g, spec, name, width, x.Shape.Columns), hasBias ? g.Parameter(name.Bias, new Shape(width), Initializer.Zero) : null);

    /// <summary>GPT-2's layers are stored input-first; those into the residual stream start smaller by √(2 · layers) (Radford et al. 2019).</summary>
    static Value InputFirst(GraphBuilder g, TransformerSpec spec, ModuleName name, Value x, int width, bool residual = false)
    {
        double deviation = spec.InitializerRange / (residual ? Math.Sqrt(2.0 * spec.NumHiddenLayers) : 1);
        Value weight = g.Parameter(name.Weight, new Shape(x.Shape.Columns, width), Initializer.Normal(deviation));
        return g.LinearInputFirst(x, weight, g.Parameter(name.Bias, new Shape(width), Initializer.Zero));
    }

    static Value Weight(GraphBuilder g, TransformerSpec spec, ModuleName name, int rows, int columns)
        => g.Parameter(name.Weight, new Shape(rows, columns), Initializer.Normal(spec.InitializerRange));

    static Value Ones(GraphBuilder g, ModuleName name, int width) => g.Parameter(name.Weight, new Shape(width), Initializer.One);
}
