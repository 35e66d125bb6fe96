"""The Llama of src/cases/llama-30m.ts, plainly written; weights by Hugging Face name, tied head."""
import torch
import torch.nn.functional as F


class Llama:
    def __init__(self, work, weights):
        size = work["sizes"]
        self.weights, self.layers, self.eps = weights, size["numLayers"], size["rmsNormEps"]
        self.heads, self.width = size["numHeads"], size["hiddenSize"]
        half = self.width // self.heads // 2
        frequencies = size["ropeTheta"] ** -(torch.arange(half) / half)
        angles = torch.outer(torch.arange(size["sequenceLength"]), frequencies).repeat(1, 2)
        self.cos, self.sin = angles.cos(), angles.sin()

    def norm(self, x, name):
        return F.rms_norm(x, (self.width,), self.weights[name], self.eps)

    def rotate(self, x, first):
        cos, sin = (table[first:first + x.shape[2]] for table in (self.cos, self.sin))
        left, right = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-right, left), dim=-1) * sin

    def attention(self, x, at, cache):
        batch, time, _ = x.shape
        q, k, v = (
            F.linear(x, self.weights[f"{at}.{name}_proj.weight"]).view(batch, time, self.heads, -1).transpose(1, 2)
            for name in "qkv")
        first = cache[at][0].shape[2] if cache is not None and at in cache else 0
        q, k = self.rotate(q, first), self.rotate(k, first)
        if cache is not None:
            if at in cache:
                k, v = torch.cat((cache[at][0], k), dim=2), torch.cat((cache[at][1], v), dim=2)
            cache[at] = (k, v)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=first == 0)
        return F.linear(mixed.transpose(1, 2).reshape(batch, time, self.width), self.weights[f"{at}.o_proj.weight"])

    def hidden(self, ids, cache=None):
        w = self.weights
        x = F.embedding(ids, w["model.embed_tokens.weight"])
        for i in range(self.layers):
            at = f"model.layers.{i}"
            x = x + self.attention(self.norm(x, f"{at}.input_layernorm.weight"), f"{at}.self_attn", cache)
            z = self.norm(x, f"{at}.post_attention_layernorm.weight")
            inner = F.silu(F.linear(z, w[f"{at}.mlp.gate_proj.weight"])) * F.linear(z, w[f"{at}.mlp.up_proj.weight"])
            x = x + F.linear(inner, w[f"{at}.mlp.down_proj.weight"])
        return self.norm(x, "model.norm.weight")

    def logits(self, hidden):
        return F.linear(hidden, self.weights["model.embed_tokens.weight"])


def training(work, weights):
    size, adam = work["sizes"], work["adam"]
    w = {name: torch.nn.Parameter(value) for name, value in weights.items()}
    model = Llama(work, w)
    ids = torch.tensor(work["inputs"]).reshape(size["batchSize"], size["sequenceLength"])
    targets = torch.tensor(work["targets"])
    optimizer = torch.optim.Adam(
        w.values(), lr=adam["learningRate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"], fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model.logits(model.hidden(ids)).reshape(-1, size["vocabSize"]), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def generation(work, weights):
    model = Llama(work, weights)
    prompt = torch.tensor([work["inputs"]])

    @torch.inference_mode()
    def step():
        cache, ids, total = {}, prompt, 0
        for _ in range(work["sizes"]["newTokens"]):
            ids = model.logits(model.hidden(ids, cache)[:, -1:]).argmax(dim=-1)
            total += ids.item()
        return total

    return step
