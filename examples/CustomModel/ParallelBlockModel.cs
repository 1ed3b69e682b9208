using Litespark.Graphs;
using Litespark.Models;

namespace CustomModel;

/// <summary>
/// An architecture of one's own: attention and MLP of a block side by side on one norm (Wang &amp; Komatsuzaki 2021, "GPT-J"),
/// and a squared-ReLU MLP (So et al. 2021, "Primer"). It is written in small ops; backward pass, fusions, kernels, memory plan and
/// generation follow. Here fused_qkv even merges four products of the norm's result: Q, K, V and the MLP's first.
/// Shape legend: N tokens, D width, F width of the MLP (4 · D), V vocabulary.
/// </summary>
/// <param name="Layers">Blocks.</param>
/// <param name="Width">Width of the residual stream: D.</param>
/// <param name="Heads">Attention heads; an even multiple of them is D.</param>
/// <param name="Vocabulary">Tokens: V.</param>
public sealed record ParallelBlockModel(int Layers, int Width, int Heads, int Vocabulary)
{
    /// <summary>The model function: builds the logits [N, V].</summary>
    public Value Logits(ModelContext context)
    {
        GraphBuilder g = context.Builder;
        int headDim = Width / Heads;
        Value table_VD = Weight(g, "model.embed.weight", Vocabulary, Width);
        Value x_ND = g.Embedding(context.Tokens, table_VD);
        (Value cos, Value sin) = RopeTables.Add(g, context.PositionLimit, headDim);
        for (int layer = 0; layer < Layers; layer++)
        {
            g.Layer = layer;
            string name = $"model.layers.{layer}.";
            Value y_ND = Norm(g, name + "norm.weight", x_ND);
            Value q_ND = g.Rope(Linear(g, name + "q", y_ND, Width), context.Positions, cos, sin, headDim);
            Value k_ND = g.Rope(Linear(g, name + "k", y_ND, Width), context.Positions, cos, sin, headDim);
            Value v_ND = Linear(g, name + "v", y_ND, Width);
            Value attention_ND = Linear(g, name + "o", context.Attention(layer, q_ND, k_ND, v_ND, headDim), Width);

            Value h_NF = g.Activation(Linear(g, name + "up", y_ND, 4 * Width), ActivationKind.Relu);
            Value mlp_ND = Linear(g, name + "down", g.Multiply(h_NF, h_NF), Width);
            x_ND = g.Add(x_ND, g.Add(attention_ND, mlp_ND));
        }

        g.Layer = -1;
        x_ND = context.RowsForLogits(Norm(g, "model.norm.weight", x_ND));
        return g.Linear(x_ND, table_VD);
    }

    Value Norm(GraphBuilder g, string name, Value x_ND) => g.RmsNorm(x_ND, g.Parameter(name, new Shape(Width), Initializer.One), 1e-5);

    static Value Linear(GraphBuilder g, string name, Value x, int width) => g.Linear(x, Weight(g, name + ".weight", width, x.Shape.Columns));

    static Value Weight(GraphBuilder g, string name, int rows, int columns)
        => g.Parameter(name, new Shape(rows, columns), Initializer.Normal(0.5 / Math.Sqrt(columns)));
}
