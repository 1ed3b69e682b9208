#!/usr/bin/python3
"""Checks of the reference itself, each against something written another way. Run: /usr/bin/python3 tests/peers/test_torch_reference.py"""
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

import torch

import reference_models as models
import safetensors_file
import torch_reference as reference

SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "vocab_size": 31, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
CONFIGS = {
    "llama2": {**SMALL, "model_type": "llama", "num_key_value_heads": 4},
    "llama3": {**SMALL, "model_type": "llama", "tie_word_embeddings": True, "rope_scaling": LLAMA3},
    "llama-biases": {**SMALL, "model_type": "llama", "attention_bias": True, "mlp_bias": True},
    "mistral": {**SMALL, "model_type": "mistral", "sliding_window": 3},
    "qwen2": {**SMALL, "model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3": {**SMALL, "model_type": "qwen3", "head_dim": 6},
    "gpt2": {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 12, "vocab_size": 31},
}


def random_weights(config, seed=0):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "given.json")
        with open(path, "w") as file:
            json.dump(config, file)
        reference.make(folder, path, seed)
        return reference.load(folder, torch.float64)[1]


def plain_batch(rows=2, length=9, seed=1):
    tokens = torch.randint(0, 31, (rows, length + 1), generator=torch.Generator().manual_seed(seed)).int()
    positions = torch.arange(length).int().expand(rows, length).contiguous()
    return {"tokens": tokens[:, :-1], "targets": tokens[:, 1:], "positions": positions, "document_starts": torch.zeros_like(positions)}


class TorchReference(unittest.TestCase):
    def each(self):
        for config in CONFIGS.values():
            yield config, random_weights(config)

    def test_a_later_token_changes_no_earlier_logit(self):
        for config, weights in self.each():
            batch = plain_batch()
            before = models.logits(config, weights, batch)
            batch["tokens"] = batch["tokens"].clone()
            batch["tokens"][:, 6] = (batch["tokens"][:, 6] + 1) % 31
            after = models.logits(config, weights, batch)
            self.assertTrue(torch.equal(before[:, :6], after[:, :6]))
            self.assertGreater((before[:, 6:] - after[:, 6:]).abs().amax(-1).min().item(), 1e-6)

    def test_packed_documents_equal_separate_ones(self):
        for config, weights in self.each():
            packed = plain_batch(rows=1)
            packed["positions"] = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]]).int()
            packed["document_starts"] = torch.tensor([[0, 0, 0, 0, 4, 4, 4, 4, 4]]).int()
            second = plain_batch(rows=1, length=5)
            second["tokens"] = packed["tokens"][:, 4:]
            torch.testing.assert_close(models.logits(config, weights, packed)[:, 4:], models.logits(config, weights, second))

    def test_a_token_outside_the_window_has_no_influence(self):
        config = {**CONFIGS["mistral"], "num_hidden_layers": 1}
        weights, batch = random_weights(config), plain_batch()
        before = models.logits(config, weights, batch)
        batch["tokens"] = batch["tokens"].clone()
        batch["tokens"][:, 2] = (batch["tokens"][:, 2] + 1) % 31
        change = (before - models.logits(config, weights, batch)).abs().amax((0, 2))
        self.assertEqual([i for i in range(9) if change[i] > 1e-9], [2, 3, 4])

    def test_gradients_equal_finite_differences(self):
        for config, weights in self.each():
            batch = plain_batch()
            batch["targets"][0, 3:5] = -1
            reference.step(config, weights, batch)
            for name, weight in weights.items():
                index = weight.grad.abs().argmax()
                flat, gradient = weight.detach().view(-1), weight.grad.view(-1)[index].item()
                saved, sides = flat[index].item(), []
                for sign in (1, -1):
                    flat[index] = saved + sign * 1e-5
                    with torch.no_grad():
                        sides.append(reference.loss_of(models.logits(config, weights, batch), batch["targets"]).item())
                flat[index] = saved
                slope = (sides[0] - sides[1]) / 2e-5
                self.assertLess(abs(slope - gradient), 1e-6 * max(abs(gradient), 1e-3), name)

    def test_loss_equals_cross_entropy_over_the_counted_targets(self):
        logits = torch.randn(2, 5, 7, dtype=torch.float64)
        targets = torch.tensor([[1, -1, 3, 6, -1], [0, 2, -1, 5, 4]]).int()
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), ignore_index=-1)
        torch.testing.assert_close(reference.loss_of(logits, targets), expected)

    def test_rotation_equals_the_complex_form_of_interleaved_pairs(self):
        config = CONFIGS["llama2"]
        K, positions = 4, torch.tensor([[0, 1, 5, 2]])
        x = torch.randn(1, 3, 4, K, dtype=torch.float64)
        turned = models.rotate(x, positions, models.rotary_frequencies(config))
        pairs = torch.complex(x[..., :K // 2], x[..., K // 2:])
        angles = positions[0].double()[:, None] * torch.tensor([1.0, 10000.0 ** -0.5], dtype=torch.float64)
        expected = pairs * torch.polar(torch.ones_like(angles), angles)
        torch.testing.assert_close(turned, torch.cat((expected.real, expected.imag), -1))

    def test_llama3_keeps_fast_turns_and_slows_slow_ones_by_the_factor(self):
        config = {**SMALL, "head_dim": 64, "rope_theta": 500000.0, "rope_scaling": {**LLAMA3, "original_max_position_embeddings": 8192}}
        plain = models.rotary_frequencies({**config, "rope_scaling": None})
        scaled = models.rotary_frequencies(config)
        for frequency, result in zip(plain.tolist(), scaled.tolist()):
            wavelength = 2 * math.pi / frequency
            if wavelength < 8192 / 4:
                self.assertEqual(result, frequency)
            elif wavelength > 8192:
                self.assertAlmostEqual(result, frequency / 8, places=15)
            else:
                self.assertTrue(frequency / 8 < result < frequency)

    def test_norms_and_activations_equal_torch(self):
        x, w, b = (torch.randn(*shape, dtype=torch.float64) for shape in ((3, 8), (8,), (8,)))
        torch.testing.assert_close(models.layer_norm(x, w, b, 1e-5), torch.nn.functional.layer_norm(x, (8,), w, b, 1e-5))
        torch.testing.assert_close(models.activation("silu", x), torch.nn.functional.silu(x))
        torch.testing.assert_close(models.activation("gelu", x), torch.nn.functional.gelu(x))
        torch.testing.assert_close(models.activation("gelu_new", x), torch.nn.functional.gelu(x, approximate="tanh"))

    def test_grouped_heads_equal_multihead_attention_with_shared_keys(self):
        q, k, v = torch.randn(1, 4, 5, 6).double(), torch.randn(1, 2, 5, 6).double(), torch.randn(1, 2, 5, 6).double()
        mask = models.visible(torch.zeros(1, 5).int(), 0)
        result = models.attend(q, k, v, mask).view(1, 5, 4, 6)
        for head in range(4):
            for i in range(5):
                scores = torch.stack([q[0, head, i] @ k[0, head // 2, j] / math.sqrt(6) for j in range(i + 1)])
                expected = torch.softmax(scores, 0) @ v[0, head // 2, :i + 1]
                torch.testing.assert_close(result[0, i, head], expected)

    def test_adamw_equals_the_formula_and_decays_matrices_only(self):
        config, folder = CONFIGS["qwen2"], tempfile.mkdtemp()
        paths = {name: os.path.join(folder, name) for name in ("given.json", "batch", "out")}
        with open(paths["given.json"], "w") as file:
            json.dump(config, file)
        safetensors_file.write(paths["batch"], plain_batch())
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_reference.py")
        subprocess.run([sys.executable, script, "--make", folder, "--config", paths["given.json"], "--seed", "0", "--model", folder,
                        "--batch", paths["batch"], "--out", paths["out"], "--adamw-steps", "3", "--lr", "0.01", "--clip", "0.5"], check=True)
        out = safetensors_file.read(paths["out"])
        weights = random_weights(config)
        state = {name: [torch.zeros_like(w), torch.zeros_like(w)] for name, w in weights.items()}
        for t in range(1, 4):
            loss, _ = reference.step(config, weights, plain_batch())
            torch.testing.assert_close(out["losses"][t - 1], loss)
            norm = torch.sqrt(sum((w.grad ** 2).sum() for w in weights.values()))
            torch.testing.assert_close(out["grad_norms"][t - 1], norm)
            for name, w in weights.items():
                g, (m, v) = w.grad * min(1.0, 0.5 / (norm.item() + 1e-6)), state[name]
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.95).add_(0.05 * g * g)
                update = (m / (1 - 0.9 ** t)) / ((v / (1 - 0.95 ** t)).sqrt() + 1e-8)
                decay = 0.1 if w.dim() >= 2 else 0.0
                w.data.sub_(0.01 * (update + decay * w.data))
        for name, w in weights.items():
            torch.testing.assert_close(out["weight." + name], w.detach(), msg=name)
        self.assertEqual({n[5:] for n in out if n.startswith("grad.")}, set(weights))

    def test_every_dtype_survives_a_file(self):
        tensors = {str(dtype): torch.tensor([[1, 0], [1, 1]]).to(dtype) for dtype in safetensors_file.NAMES}
        tensors["scalar"], tensors["empty"] = torch.tensor(1.5), torch.empty(0, 3)
        path = os.path.join(tempfile.mkdtemp(), "t.safetensors")
        safetensors_file.write(path, tensors)
        back = safetensors_file.read(path)
        self.assertEqual(list(back), list(tensors))
        for name, tensor in tensors.items():
            self.assertEqual(back[name].dtype, tensor.dtype)
            self.assertTrue(torch.equal(back[name], tensor))


if __name__ == "__main__":
    unittest.main()
