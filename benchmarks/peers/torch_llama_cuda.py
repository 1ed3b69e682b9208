#!/usr/bin/env python3
"""Peer: Llama training steps in PyTorch on a GPU, bf16 weights' autocast the usual way: fp32 masters, bf16 compute, fused AdamW.

    torch_llama_cuda.py --config CONFIG.json --mode eager|sdpa|compile --batch B --sequence T --steps N [--device cuda|cpu] [--seconds S]
        prints one JSON line: milliseconds per step (median), tokens/s, the most memory that PyTorch held, joules per token
        where the GPU's counter can be read over at least five seconds, and the versions of PyTorch, CUDA and cuDNN.
        A batch that the GPU's memory does not hold is halved until it does; one that it does is doubled as long as
        tokens/s rise, memory holds it, and the next would end within S seconds of the start. The line is the fastest
        batch's; "tried" in it has all of them, and why there were no more.
    ... --weights model.safetensors --tokens TOKENS.bin --losses OUT.json
        starts from given weights and takes its tokens from a file (int32, [steps, B, T + 1]); writes the loss of every step.

eager: attention as scores, mask, softmax, mix · sdpa: scaled_dot_product_attention · compile: sdpa under torch.compile
"""
import argparse
import contextlib
import gc
import json
import math
import os
import statistics
import struct
import sys
import time

START = time.perf_counter()  # importing PyTorch takes its time too

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

WARM_UP = 5
ENERGY_SECONDS = 6.0


class RMSNorm(nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(size)), epsilon

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)).to(x.dtype)


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat((-high, low), -1) * sin


class Attention(nn.Module):
    def __init__(self, config, fused):
        super().__init__()
        hidden, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.shared = config.get("num_key_value_heads", self.heads)
        self.width = config.get("head_dim") or hidden // self.heads
        self.fused = fused
        self.q_proj = nn.Linear(hidden, self.heads * self.width, bias=False)
        self.k_proj = nn.Linear(hidden, self.shared * self.width, bias=False)
        self.v_proj = nn.Linear(hidden, self.shared * self.width, bias=False)
        self.o_proj = nn.Linear(self.heads * self.width, hidden, bias=False)

    def forward(self, x, cos, sin, mask):
        rows, length, _ = x.shape
        q, k, v = (p(x).view(rows, length, -1, self.width).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.fused:
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.shared != self.heads)
        else:
            k, v = (t.repeat_interleave(self.heads // self.shared, 1) for t in (k, v))
            o = F.softmax((q @ k.transpose(2, 3) / math.sqrt(self.width) + mask).float(), -1).to(q.dtype) @ v
        return self.o_proj(o.transpose(1, 2).reshape(rows, length, -1))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, wide = config["hidden_size"], config["intermediate_size"]
        self.gate_proj, self.up_proj = nn.Linear(hidden, wide, bias=False), nn.Linear(hidden, wide, bias=False)
        self.down_proj = nn.Linear(wide, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config, fused):
        super().__init__()
        hidden, epsilon = config["hidden_size"], config.get("rms_norm_eps", 1e-5)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(hidden, epsilon), RMSNorm(hidden, epsilon)
        self.self_attn, self.mlp = Attention(config, fused), Mlp(config)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """Parameters have Hugging Face's names below model., so that a model.safetensors loads as it is."""

    def __init__(self, config, fused):
        super().__init__()
        hidden = config["hidden_size"]
        self.embed_tokens = nn.Embedding(config["vocab_size"], hidden)
        self.layers = nn.ModuleList(Layer(config, fused) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(hidden, config.get("rms_norm_eps", 1e-5))

    def forward(self, tokens, cos, sin, mask):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class Llama(nn.Module):
    def __init__(self, config, length, fused):
        super().__init__()
        self.model = Model(config, fused)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        if config.get("tie_word_embeddings", False):
            self.lm_head.weight = self.model.embed_tokens.weight
        width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        angles = torch.outer(torch.arange(length).float(), 1.0 / config.get("rope_theta", 10000.0) ** (torch.arange(0, width, 2).float() / width)).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self.register_buffer("mask", None if fused else torch.full((length, length), float("-inf")).triu(1), persistent=False)

    def forward(self, tokens, targets):
        dtype = torch.bfloat16 if torch.is_autocast_enabled() or tokens.is_cuda else torch.float32
        x = self.model(tokens, self.cos.to(dtype), self.sin.to(dtype), self.mask)
        return F.cross_entropy(self.lm_head(x).flatten(0, 1).float(), targets.flatten())


def read_safetensors(path):
    kinds = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(data, dtype=kinds[entry["dtype"]], count=math.prod(entry["shape"]), offset=entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in header.items()}


def energy_counter(device):
    """A function that reads the GPU's energy in joules, or None."""
    try:
        import ctypes
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        handle, value = ctypes.c_void_p(), ctypes.c_ulonglong()
        if device.type != "cuda" or nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(device.index or 0, ctypes.byref(handle)):
            return None
        if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(value)):
            return None

        def read():
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(value))
            return value.value / 1e3
        return read
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--mode", choices=("eager", "sdpa", "compile"), required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--sequence", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=120.0, help="begin no larger batch that would not end by then")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--weights")
    parser.add_argument("--tokens")
    parser.add_argument("--losses")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU here")
    if options.mode != "eager" and not hasattr(F, "scaled_dot_product_attention"):
        sys.exit(f"PyTorch {torch.__version__} has no scaled_dot_product_attention: only --mode eager")
    torch.manual_seed(0)
    with open(options.config) as file:
        config = json.load(file)
    # Some billion weights are made where they are used: on the CPU that alone takes minutes.
    with device if device.type == "cuda" else contextlib.nullcontext():
        net = Llama(config, options.sequence, options.mode != "eager")
    net.to(device)
    if options.weights:
        missing, unexpected = net.load_state_dict(read_safetensors(options.weights), strict=False)
        missing = [name for name in missing if not (name == "lm_head.weight" and config.get("tie_word_embeddings", False))]
        if missing or unexpected:
            sys.exit(f"{options.weights}: missing {missing}, unexpected {unexpected}")
    else:
        for parameter in net.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
    matrices, vectors = [p for p in net.parameters() if p.dim() > 1], [p for p in net.parameters() if p.dim() == 1]
    fused = {"fused": True} if device.type == "cuda" else {}
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=options.learning_rate, betas=(0.9, 0.95), eps=1e-8, **fused)
    run = torch.compile(net, dynamic=False) if options.mode == "compile" else net
    if options.tokens:
        with open(options.tokens, "rb") as file:
            data = torch.frombuffer(bytearray(file.read()), dtype=torch.int32).long().view(-1, options.batch, options.sequence + 1)
    else:
        data = torch.randint(0, config["vocab_size"], (1, options.batch, options.sequence + 1))
    data = data.to(device)

    def step(index):
        batch = data[index % len(data)]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = run(batch[:, :-1], batch[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    if options.losses:
        losses = [step(index) for index in range(options.steps)]
        with open(options.losses, "w") as file:
            json.dump([float(loss) for loss in losses], file)
        print(json.dumps(dict(mode=options.mode, steps=options.steps, first=float(losses[0]), last=float(losses[-1]), torch=torch.__version__)))
        return

    def attempt(batch):
        """The figures of a batch; None where memory does not hold it."""
        nonlocal data
        try:
            data = torch.randint(0, config["vocab_size"], (1, batch, options.sequence + 1)).to(device)
            figures = measure(step, wait, options, batch, energy_counter(device))
            return dict(figures, peak_memory_bytes=torch.cuda.max_memory_allocated() if device.type == "cuda" else None)
        except torch.cuda.OutOfMemoryError:
            return None

    def clear():
        """Gives back what the last batch took. Outside of the handler, whose traceback holds tensors."""
        optimizer.zero_grad(set_to_none=True)
        if options.mode == "compile":
            torch._dynamo.reset()
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    best, tried, stopped = fastest(options.batch, attempt, clear, lambda took: time.perf_counter() - START + 2 * took <= options.seconds)
    if best is None:
        sys.exit("one sequence does not fit the GPU's memory")
    print(json.dumps(dict(
        mode=options.mode, sequence=options.sequence, params=sum(p.numel() for p in net.parameters()), **best, tried=tried, stopped=stopped,
        torch=torch.__version__, cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None, device=torch.cuda.get_device_name() if device.type == "cuda" else os.uname().machine)))


def fastest(batch, attempt, clear, has_time):
    """The figures of the fastest micro-batch, all that were tried, and why no more were: halved until memory holds it, then doubled while tokens/s rise."""
    best, tried = None, []
    while True:
        start = time.perf_counter()
        figures = attempt(batch)
        took = time.perf_counter() - start
        clear()
        tried.append(dict(batch=batch, tokens_per_second=figures and figures["tokens_per_second"]))
        if figures is None and (best or batch == 1):
            return best, tried, "memory"
        if figures is None:
            batch //= 2
            continue
        if best and figures["tokens_per_second"] <= best["tokens_per_second"]:
            return best, tried, "no faster"
        best = figures
        if any(trial["tokens_per_second"] is None for trial in tried):
            return best, tried, "memory"  # twice as many do not fit
        if not has_time(took):
            return best, tried, "time"
        batch *= 2


def measure(step, wait, options, batch, read):
    """Warm-up, then steps one by one, then energy over several seconds where it can be read."""
    for index in range(WARM_UP):
        step(index)
    wait()
    times = []
    for index in range(options.steps):
        start = time.perf_counter()
        loss = step(index)
        wait()
        times.append(time.perf_counter() - start)
    seconds, joules = statistics.median(times), None
    if read:
        rounds, start, before = 0, time.perf_counter(), read()
        while time.perf_counter() - start < ENERGY_SECONDS:
            step(rounds)
            wait()
            rounds += 1
        joules = (read() - before) / (rounds * batch * options.sequence)
    return dict(batch=batch, ms=round(seconds * 1e3, 2), tokens_per_second=round(batch * options.sequence / seconds, 1), joules_per_token=joules, loss=round(float(loss), 4))


if __name__ == "__main__":
    main()
