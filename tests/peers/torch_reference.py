#!/usr/bin/python3
"""One training step of a Hugging Face model folder in plain PyTorch: the independent side of the comparison tests.

    torch_reference.py --make FOLDER --config CONFIG.json --seed S
        writes a model folder with random fp32 weights (every parameter, biases and norms too, is away from 0 and 1)
    torch_reference.py --model FOLDER --batch BATCH.safetensors --out OUT.safetensors
        BATCH: int32 [B, T] tokens, targets (-1 = ignored), positions, document_starts (index within the row of the
        first key that the query may see). OUT: logits [B, T, V], loss (mean over the unmasked targets), grad.NAME.
    ... --adamw-steps K [--lr --beta1 --beta2 --eps --weight-decay --clip]
        K steps on the same batch. OUT also has losses [K] (each before its update), grad_norms [K] (before clipping) and
        weight.NAME (after the last). Weight decay acts on parameters of two or more dimensions only.
    torch_reference.py --jobs JOBS.json
        several of the above in one process: a list of lists of arguments.

Needs PyTorch 1.13 or later: apt-get install python3-torch python3-numpy libopenblas0-openmp
"""
import argparse
import glob
import json
import os
import shutil

import torch

import reference_models
import safetensors_file


def make(folder, config_path, seed):
    with open(config_path) as file:
        config = json.load(file)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in reference_models.shapes(config).items():
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            tensors[name] = 0.1 * noise + (0.0 if name.endswith(".bias") else 1.0)
        else:
            inputs = shape[0] if ".c_" in name else shape[1]
            tensors[name] = noise / inputs ** 0.5
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, "config.json")
    if os.path.abspath(config_path) != os.path.abspath(target):
        shutil.copyfile(config_path, target)
    safetensors_file.write(os.path.join(folder, "model.safetensors"), tensors)


def load(folder, dtype):
    """The config and the weights, as leaves that want gradients, in the model's order."""
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "model*.safetensors"))):
        found.update(safetensors_file.read(path))
    if "wte.weight" in found:  # the published GPT-2 files leave the prefix out
        found = {name if name == "lm_head.weight" else "transformer." + name: tensor for name, tensor in found.items()}
    weights = {}
    for name, shape in reference_models.shapes(config).items():
        if name not in found:
            raise SystemExit(f"{folder}: no tensor {name}")
        if tuple(found[name].shape) != shape:
            raise SystemExit(f"{folder}: {name} is {tuple(found[name].shape)}, wanted {shape}")
        weights[name] = found[name].to(dtype).requires_grad_()
    return config, weights


def loss_of(logits, targets):
    """Mean of -log softmax at the target, in nats, over the targets that are not ignored."""
    counted = targets >= 0
    chosen = logits[counted].gather(-1, targets[counted].long()[:, None])[:, 0]
    return (torch.logsumexp(logits[counted], -1) - chosen).mean()


def step(config, weights, batch):
    """Loss and logits of one forward pass; the gradients are left in the weights."""
    for weight in weights.values():
        weight.grad = None
    logits = reference_models.logits(config, weights, batch)
    loss = loss_of(logits, batch["targets"])
    loss.backward()
    return loss.detach(), logits.detach()


def train(config, weights, batch, options):
    decayed = [w for w in weights.values() if w.dim() >= 2]
    others = [w for w in weights.values() if w.dim() < 2]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.lr, betas=(options.beta1, options.beta2), eps=options.eps)
    losses, norms = [], []
    for _ in range(options.adamw_steps):
        losses.append(step(config, weights, batch)[0])
        limit = options.clip if options.clip > 0 else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(list(weights.values()), limit))
        optimizer.step()
    return torch.stack(losses), torch.stack(norms)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", metavar="JOBS.json")
    parser.add_argument("--make", metavar="FOLDER")
    parser.add_argument("--config")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", metavar="FOLDER")
    parser.add_argument("--batch")
    parser.add_argument("--out")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--adamw-steps", type=int, default=0)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--beta1", type=float, default=0.9)
    parser.add_argument("--beta2", type=float, default=0.95)
    parser.add_argument("--eps", type=float, default=1e-8)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--clip", type=float, default=1.0, help="largest global gradient norm; 0 = no clipping")
    options = parser.parse_args(arguments)
    if options.jobs:
        with open(options.jobs) as file:
            for job in json.load(file):
                main(job)
        return
    torch.set_num_threads(options.threads)
    if options.make:
        if not options.config:
            parser.error("--make needs --config")
        make(options.make, options.config, options.seed)
    if options.model:
        if not options.batch or not options.out:
            parser.error("--model needs --batch and --out")
        config, weights = load(options.model, getattr(torch, options.dtype))
        batch = safetensors_file.read(options.batch)
        loss, logits = step(config, weights, batch)
        result = {"logits": logits, "loss": loss}
        result.update({"grad." + name: weight.grad.clone() for name, weight in weights.items()})
        if options.adamw_steps:
            result["losses"], result["grad_norms"] = train(config, weights, batch, options)
            result.update({"weight." + name: weight for name, weight in weights.items()})
        safetensors_file.write(options.out, result)
    elif not options.make:
        parser.error("give --model, --make or --jobs")


if __name__ == "__main__":
    main()
