"""The GPT of src/cases/gpt-small.ts, plainly written; all peers train it."""
import torch
import torch.nn.functional as F


def training(work, weights):
    size, adam = work["sizes"], work["adam"]
    width, heads, time, batch = size["width"], size["heads"], size["time"], size["batchSize"]
    w = {name: torch.nn.Parameter(value) for name, value in weights.items()}
    inputs = torch.tensor(work["inputs"]).reshape(batch, time)
    targets = torch.tensor(work["targets"])
    optimizer = torch.optim.Adam(
        w.values(), lr=adam["learningRate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"], fused=True)

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name], None, 1e-5)

    def split(x):
        return x.reshape(batch, time, heads, width // heads).transpose(1, 2)

    def loss():
        x = F.embedding(inputs, w["wte"]) + w["wpe"]
        for i in range(size["layers"]):
            q, k, v = (norm(x, f"ln1_{i}") @ w[f"qkv_{i}"]).split(width, dim=-1)
            mixed = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=True)
            x = x + mixed.transpose(1, 2).reshape(batch, time, width) @ w[f"out_{i}"]
            x = x + F.gelu(norm(x, f"ln2_{i}") @ w[f"up_{i}"], approximate="tanh") @ w[f"down_{i}"]
        logits = norm(x, "lnf").reshape(-1, width) @ w["wte"].T
        return F.cross_entropy(logits, targets)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    return step
