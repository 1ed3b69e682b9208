"""Decoder-only transformers written for checking, not for speed: every score is materialised, every step is spelt out.

A model is its config (the dictionary of a Hugging Face config.json) and a dictionary of weights under Hugging Face's names.

Legend of the shape suffixes: B rows, T positions, D hidden size, F width of the MLP, H query heads, G key/value heads,
K width of a head, V vocabulary.
"""
import math

import torch

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gpt2")
ROTARY = FAMILIES[:4]


def family_of(config):
    family = config.get("model_type", "llama")
    if family not in FAMILIES:
        raise SystemExit(f"model_type is {family!r}; known are {', '.join(FAMILIES)}")
    return family


def tied(config):
    return config.get("tie_word_embeddings", family_of(config) == "gpt2")


def head_dim(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def windows(config):
    """The sliding window of every layer: how many keys a query sees, itself included; 0 = all before it."""
    layers = config.get("num_hidden_layers", config.get("n_layer"))
    family, window = family_of(config), config.get("sliding_window", 4096) or 0
    if family == "mistral":
        return [window] * layers
    if family in ("qwen2", "qwen3") and config.get("use_sliding_window", False):
        kinds = config.get("layer_types")
        first = config.get("max_window_layers", 28)
        return [window if (kinds[i] == "sliding_attention" if kinds else i >= first) else 0 for i in range(layers)]
    return [0] * layers


def shapes(config):
    """Name and shape of every parameter, in the order of the forward pass."""
    if family_of(config) == "gpt2":
        return gpt2_shapes(config)
    family, result = family_of(config), {}
    D, F, V = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    H, K = config["num_attention_heads"], head_dim(config)
    G = config.get("num_key_value_heads") or H
    attention_bias = config.get("attention_bias", False) and family in ("llama", "qwen3")
    qkv_bias = attention_bias or family == "qwen2"
    mlp_bias = config.get("mlp_bias", False) and family == "llama"

    def linear(name, outputs, inputs, bias):
        result[name + ".weight"] = (outputs, inputs)
        if bias:
            result[name + ".bias"] = (outputs,)

    result["model.embed_tokens.weight"] = (V, D)
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        result[layer + "input_layernorm.weight"] = (D,)
        linear(layer + "self_attn.q_proj", H * K, D, qkv_bias)
        linear(layer + "self_attn.k_proj", G * K, D, qkv_bias)
        linear(layer + "self_attn.v_proj", G * K, D, qkv_bias)
        if family == "qwen3":
            result[layer + "self_attn.q_norm.weight"] = (K,)
            result[layer + "self_attn.k_norm.weight"] = (K,)
        linear(layer + "self_attn.o_proj", D, H * K, attention_bias)
        result[layer + "post_attention_layernorm.weight"] = (D,)
        linear(layer + "mlp.gate_proj", F, D, mlp_bias)
        linear(layer + "mlp.up_proj", F, D, mlp_bias)
        linear(layer + "mlp.down_proj", D, F, mlp_bias)
    result["model.norm.weight"] = (D,)
    if not tied(config):
        result["lm_head.weight"] = (V, D)
    return result


def gpt2_shapes(config):
    D, F, result = config["n_embd"], config.get("n_inner") or 4 * config["n_embd"], {}

    def pair(name, weight, bias):
        result[name + ".weight"], result[name + ".bias"] = weight, (bias,)

    result["transformer.wte.weight"] = (config["vocab_size"], D)
    result["transformer.wpe.weight"] = (config["n_positions"], D)
    for i in range(config["n_layer"]):
        layer = f"transformer.h.{i}."
        pair(layer + "ln_1", (D,), D)
        pair(layer + "attn.c_attn", (D, 3 * D), 3 * D)
        pair(layer + "attn.c_proj", (D, D), D)
        pair(layer + "ln_2", (D,), D)
        pair(layer + "mlp.c_fc", (D, F), F)
        pair(layer + "mlp.c_proj", (F, D), D)
    pair("transformer.ln_f", (D,), D)
    if not tied(config):
        result["lm_head.weight"] = (config["vocab_size"], D)
    return result


def activation(name, x):
    if name in ("silu", "swish"):
        return x * torch.sigmoid(x)
    if name == "gelu":
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    if name in ("gelu_new", "gelu_pytorch_tanh"):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    if name == "relu":
        return torch.clamp(x, min=0)
    raise SystemExit(f"activation {name!r} is not known")


def rms_norm(x, weight, eps):
    return weight * (x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps))


def layer_norm(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return weight * (centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps)) + bias


def rotary_frequencies(config):
    """Radians per position of each of the K/2 pairs, with Llama 3's scaling where the config asks for it."""
    parameters = config.get("rope_parameters") or {}
    K = head_dim(config)
    theta = config.get("rope_theta") or parameters.get("rope_theta") or 10000.0
    frequencies = [theta ** (-2 * i / K) for i in range(K // 2)]
    scaling = config.get("rope_scaling") or parameters
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "llama3":
        low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
        turns = [scaling["original_max_position_embeddings"] * f / (2 * math.pi) for f in frequencies]
        keep = [min(1.0, max(0.0, (t - low) / (high - low))) for t in turns]
        frequencies = [f * k + f / factor * (1 - k) for f, k in zip(frequencies, keep)]
    elif kind != "default":
        raise SystemExit(f"rope type {kind!r} is not known")
    return torch.tensor(frequencies, dtype=torch.float64)


def rotate(x_BHTK, positions_BT, frequencies):
    """Rotary embedding of the half-split kind: element i turns together with element i + K/2."""
    angle = (positions_BT.double()[:, None, :, None] * frequencies).to(x_BHTK.dtype)
    a, b = x_BHTK.chunk(2, -1)
    return torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)


def visible(document_starts_BT, window):
    """[B, 1, T, T]: key j is visible to query i iff document_starts[i] <= j <= i and (window = 0 or j > i - window)."""
    T = document_starts_BT.shape[1]
    i, j = torch.arange(T)[:, None], torch.arange(T)[None, :]
    mask = (j <= i) & (j >= document_starts_BT[:, :, None])
    if window:
        mask = mask & (j > i - window)
    return mask[:, None]


def attend(q_BHTK, k_BGTK, v_BGTK, mask):
    group = q_BHTK.shape[1] // k_BGTK.shape[1]
    k, v = k_BGTK.repeat_interleave(group, 1), v_BGTK.repeat_interleave(group, 1)
    scores = q_BHTK @ k.transpose(2, 3) / math.sqrt(q_BHTK.shape[-1])
    attended = torch.softmax(scores.masked_fill(~mask, -math.inf), -1) @ v
    return attended.transpose(1, 2).flatten(2)


def logits(config, w, batch):
    """Logits [B, T, V] of the batch (tokens, positions, document_starts: integers [B, T]) under the weights w."""
    forward = gpt2_logits if family_of(config) == "gpt2" else rotary_logits
    return forward(config, w, batch["tokens"].long(), batch["positions"].long(), batch["document_starts"].long())


def rotary_logits(config, w, tokens, positions, starts):
    eps, kind = config.get("rms_norm_eps", 1e-6), config.get("hidden_act", "silu")
    frequencies = rotary_frequencies(config)

    def linear(name, x):
        y = x @ w[name + ".weight"].T
        return y + w[name + ".bias"] if name + ".bias" in w else y

    def heads(name, norm, x):
        y = linear(name, x).unflatten(-1, (-1, head_dim(config))).transpose(1, 2)
        return rms_norm(y, w[norm], eps) if norm in w else y

    x = w["model.embed_tokens.weight"][tokens]
    for i, window in enumerate(windows(config)):
        layer = f"model.layers.{i}."
        y = rms_norm(x, w[layer + "input_layernorm.weight"], eps)
        q = rotate(heads(layer + "self_attn.q_proj", layer + "self_attn.q_norm.weight", y), positions, frequencies)
        k = rotate(heads(layer + "self_attn.k_proj", layer + "self_attn.k_norm.weight", y), positions, frequencies)
        v = heads(layer + "self_attn.v_proj", "", y)
        x = x + linear(layer + "self_attn.o_proj", attend(q, k, v, visible(starts, window)))
        y = rms_norm(x, w[layer + "post_attention_layernorm.weight"], eps)
        gated = activation(kind, linear(layer + "mlp.gate_proj", y)) * linear(layer + "mlp.up_proj", y)
        x = x + linear(layer + "mlp.down_proj", gated)
    x = rms_norm(x, w["model.norm.weight"], eps)
    return x @ w["model.embed_tokens.weight" if tied(config) else "lm_head.weight"].T


def gpt2_logits(config, w, tokens, positions, starts):
    eps, kind = config.get("layer_norm_epsilon", 1e-5), config.get("activation_function", "gelu_new")

    def norm(name, x):
        return layer_norm(x, w[name + ".weight"], w[name + ".bias"], eps)

    def convolution(name, x):  # GPT-2 stores its matrices input-first
        return x @ w[name + ".weight"] + w[name + ".bias"]

    mask = visible(starts, 0)
    x = w["transformer.wte.weight"][tokens] + w["transformer.wpe.weight"][positions]
    for i in range(config["n_layer"]):
        layer = f"transformer.h.{i}."
        q, k, v = (part.unflatten(-1, (config["n_head"], -1)).transpose(1, 2)
                   for part in convolution(layer + "attn.c_attn", norm(layer + "ln_1", x)).chunk(3, -1))
        x = x + convolution(layer + "attn.c_proj", attend(q, k, v, mask))
        x = x + convolution(layer + "mlp.c_proj", activation(kind, convolution(layer + "mlp.c_fc", norm(layer + "ln_2", x))))
    x = norm("transformer.ln_f", x)
    return x @ w["transformer.wte.weight" if tied(config) else "lm_head.weight"].T
