namespace Litespark.Models;

/// <summary>A module's path in the model; its parameters hang below.</summary>
internal readonly record struct ModuleName(string Path)
{
    /// <summary>Name of the weight.</summary>
    public string Weight => Path + ".weight";

    /// <summary>Name of the bias.</summary>
    public string Bias => Path + ".bias";
}

/// <summary>
/// The canonical names of a model's parameters, as Hugging Face names them: the only place that knows them.
/// Usage: <c>ParameterNames.For(spec.Family).Layer(3).Query.Weight</c>.
/// </summary>
internal sealed class ParameterNames
{
    static readonly ParameterNames s_gpt2 = new(gpt2: true), s_llamaLike = new(gpt2: false);
    readonly bool _gpt2;

    ParameterNames(bool gpt2)
    {
        _gpt2 = gpt2;
        ModelPrefix = gpt2 ? "transformer." : "model.";
        TokenEmbedding = new(ModelPrefix + (gpt2 ? "wte" : "embed_tokens"));
        PositionEmbedding = new(ModelPrefix + "wpe");
        FinalNorm = new(ModelPrefix + (gpt2 ? "ln_f" : "norm"));
        OutputHead = new("lm_head");
    }

    /// <summary>The names of a family.</summary>
    public static ParameterNames For(ModelFamily family) => family == ModelFamily.Gpt2 ? s_gpt2 : s_llamaLike;

    /// <summary>The prefix of every parameter but the head's; folders of the bare model lack it.</summary>
    public string ModelPrefix { get; }

    /// <summary>Token table: weight [V, D].</summary>
    public ModuleName TokenEmbedding { get; }

    /// <summary>Learned positions, GPT-2 only: weight [positions, D].</summary>
    public ModuleName PositionEmbedding { get; }

    /// <summary>Norm before the head: weight [D], GPT-2 with bias [D].</summary>
    public ModuleName FinalNorm { get; }

    /// <summary>Output head: weight [V, D]; absent if tied to the embedding.</summary>
    public ModuleName OutputHead { get; }

    /// <summary>The names within one layer, counted from 0.</summary>
    public LayerParameterNames Layer(int index) => new(_gpt2, ModelPrefix + (_gpt2 ? $"h.{index}." : $"layers.{index}."));
}

/// <summary>
/// Names within one layer. Shapes are those of linear layers, [out, in], but GPT-2's, which are stored input-first, [in, out].
/// D hidden, F intermediate, H query heads, G key and value heads, K head size.
/// </summary>
internal readonly struct LayerParameterNames(bool gpt2, string prefix)
{
    /// <summary>Norm before the attention: weight [D], GPT-2 with bias.</summary>
    public ModuleName AttentionNorm => new(prefix + (gpt2 ? "ln_1" : "input_layernorm"));

    /// <summary>Q, K and V in one, GPT-2 only: weight [D, 3·D], bias [3·D].</summary>
    public ModuleName FusedQkv => new(prefix + "attn.c_attn");

    /// <summary>Q: weight [H·K, D], bias [H·K]. Not in GPT-2.</summary>
    public ModuleName Query => new(prefix + "self_attn.q_proj");

    /// <summary>K: weight [G·K, D], bias [G·K]. Not in GPT-2.</summary>
    public ModuleName Key => new(prefix + "self_attn.k_proj");

    /// <summary>V: weight [G·K, D], bias [G·K]. Not in GPT-2.</summary>
    public ModuleName Value => new(prefix + "self_attn.v_proj");

    /// <summary>Norm over each head of Q, Qwen 3 only: weight [K].</summary>
    public ModuleName QueryNorm => new(prefix + "self_attn.q_norm");

    /// <summary>Norm over each head of K, Qwen 3 only: weight [K].</summary>
    public ModuleName KeyNorm => new(prefix + "self_attn.k_norm");

    /// <summary>The attention's output: weight [D, H·K], bias [D]; GPT-2: weight [D, D].</summary>
    public ModuleName AttentionOutput => new(prefix + (gpt2 ? "attn.c_proj" : "self_attn.o_proj"));

    /// <summary>Norm before the MLP: weight [D], GPT-2 with bias.</summary>
    public ModuleName MlpNorm => new(prefix + (gpt2 ? "ln_2" : "post_attention_layernorm"));

    /// <summary>The gate of the MLP: weight [F, D], bias [F]. Not in GPT-2.</summary>
    public ModuleName Gate => new(prefix + "mlp.gate_proj");

    /// <summary>Into the MLP: weight [F, D], bias [F]; GPT-2: weight [D, F].</summary>
    public ModuleName Up => new(prefix + (gpt2 ? "mlp.c_fc" : "mlp.up_proj"));

    /// <summary>Out of the MLP: weight [D, F], bias [D]; GPT-2: weight [F, D].</summary>
    public ModuleName Down => new(prefix + (gpt2 ? "mlp.c_proj" : "mlp.down_proj"));
}
