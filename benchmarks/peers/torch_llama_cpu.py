#!/usr/bin/python3
"""Peer: a plain Llama training step in PyTorch (eager, fp32, CPU), as the usual reference implementations write it.

    torch_llama_cpu.py SIZE BATCH SEQUENCE STEPS [THREADS]

prints one JSON line: milliseconds per step (median), tokens/s, GFLOP/s by the 6N + 12·L·d·T convention, the loss, the most
memory that the process held, and what PyTorch multiplies matrices with.
Installs with: apt-get install python3-torch python3-numpy libopenblas0-openmp
(with libopenblas0-pthread instead, OpenBLAS and PyTorch run two thread pools that fight, and the speed halves; where blas_kernels is
Prescott, OpenBLAS does not know the processor: OPENBLAS_CORETYPE=Haswell, SkylakeX or Cooperlake chooses faster ones)
With MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1000000000000 glibc keeps memory between steps, which is faster; malloc says whether it does.
"""
import ctypes
import json
import math
import os
import resource
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZES = {  # hidden size, layers, heads, key/value heads, width of the MLP, vocabulary
    "micro": (128, 4, 4, 4, 352, 1024),
    "15m": (288, 6, 6, 6, 768, 4096),
    "110m": (768, 12, 12, 12, 2048, 32000),
}
WARM_UP = 2


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def rotate_half(x):
    a, b = x.chunk(2, -1)
    return torch.cat((-b, a), -1)


class RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


class Block(nn.Module):
    def __init__(self, hidden, heads, kv_heads, intermediate):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, hidden // heads
        self.norm1, self.norm2 = RMSNorm(hidden), RMSNorm(hidden)
        self.q, self.o = linear(hidden, hidden), linear(hidden, hidden)
        self.k, self.v = (linear(hidden, kv_heads * self.head_dim) for _ in range(2))
        self.gate, self.up, self.down = linear(hidden, intermediate), linear(hidden, intermediate), linear(intermediate, hidden)

    def forward(self, x, cos, sin, mask):
        rows, length, _ = x.shape
        y = self.norm1(x)
        q = self.q(y).view(rows, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.k(y).view(rows, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v(y).view(rows, length, self.kv_heads, self.head_dim).transpose(1, 2)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        if hasattr(F, "scaled_dot_product_attention"):  # PyTorch 2 and later
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            attended = F.softmax(q @ k.transpose(2, 3) / math.sqrt(self.head_dim) + mask, -1) @ v
        x = x + self.o(attended.transpose(1, 2).reshape(rows, length, -1))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    def __init__(self, size, length):
        super().__init__()
        hidden, layers, heads, kv_heads, intermediate, vocabulary = size
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads, kv_heads, intermediate) for _ in range(layers))
        self.norm = RMSNorm(hidden)
        self.head = linear(hidden, vocabulary)
        self.head.weight = self.embedding.weight
        head_dim = hidden // heads
        frequencies = 1.0 / (10000 ** (torch.arange(0, head_dim, 2).float() / head_dim))
        angles = torch.outer(torch.arange(length).float(), frequencies).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu(1))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin, self.mask)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def blas():
    """The library of matrix products that is loaded, how OpenBLAS makes its threads, and for which processor its kernels are."""
    if not os.path.exists("/proc/self/maps"):
        return "unknown", "unknown", "unknown"
    with open("/proc/self/maps") as maps:
        files = {line.split()[-1] for line in maps if ("blas" in line and "cublas" not in line) or "libmkl" in line}
    for file in sorted(files):
        library = ctypes.CDLL(file)
        if hasattr(library, "openblas_get_parallel"):
            kinds = {0: "serial", 1: "pthread", 2: "openmp"}
            library.openblas_get_corename.restype = ctypes.c_char_p
            return os.path.realpath(file), kinds.get(library.openblas_get_parallel(), "unknown"), library.openblas_get_corename().decode()
    if files:
        return sorted(files)[0], "not OpenBLAS", "unknown"
    return ("MKL" if torch.backends.mkl.is_available() else "built in"), "not OpenBLAS", "unknown"


def main():
    if len(sys.argv) not in (5, 6) or sys.argv[1] not in SIZES:
        sys.exit(f"{__doc__}\nSIZE is one of {', '.join(SIZES)}")
    name, (batch, length, steps) = sys.argv[1], map(int, sys.argv[2:5])
    threads = int(sys.argv[5]) if len(sys.argv) > 5 else 2
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    hidden, layers, *_, vocabulary = SIZES[name]
    model = Llama(SIZES[name], length)
    parameters = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    data = torch.randint(0, vocabulary, (batch, length + 1))
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        loss = model(data[:, :-1], data[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times[WARM_UP:])
    flops = (6 * parameters + 12 * layers * hidden * length) * batch * length  # whole, not causal, attention
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    library, library_threads, library_kernels = blas()
    print(json.dumps(dict(size=name, params=parameters, batch=batch, seq=length, threads=threads, ms=round(seconds * 1e3, 1),
                          tok_s=round(batch * length / seconds, 1), gflops=round(flops / seconds / 1e9, 1), loss=round(float(loss), 3),
                          resident_bytes=resident, torch=torch.__version__, blas=library, blas_threads=library_threads,
                          blas_kernels=library_kernels, malloc="keeps" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "default")))


if __name__ == "__main__":
    main()
