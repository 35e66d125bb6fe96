"""The work of contenders/torch-smollm2.ts, as transformers and PEFT are used: float32, eager attention left to their choice."""
import json
import math
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from answer import answer

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
with open(f"{folder}/work.json", encoding="utf-8") as file:
    work = json.load(file)
tokenizer = AutoTokenizer.from_pretrained(work["base"])
model = AutoModelForCausalLM.from_pretrained(work["base"], dtype=torch.float32)


def generate():
    ids = torch.tensor([tokenizer(work["prompt"], add_special_tokens=False).input_ids])

    @torch.inference_mode()
    def step():
        count = work["newTokens"]
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=count, max_new_tokens=count)
        return out[0, ids.shape[1]:].sum().item()

    return step


def score():
    @torch.inference_mode()
    def step():
        bits, size = 0.0, 0
        for text in work["documents"]:
            ids = [tokenizer.eos_token_id] + tokenizer(text, add_special_tokens=False).input_ids
            ids = torch.tensor([ids])
            logits = model(ids).logits[0, :-1]
            bits += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item() / math.log(2)
            size += len(text.encode())
        return bits / size

    return step


def train(model, rate):
    ids = tokenizer(work["text"], add_special_tokens=False).input_ids
    sequence, rows = work["sequence"], work["stepTokens"] // work["sequence"]
    count = len(ids) // sequence
    batches = torch.tensor(ids[:count * sequence]).reshape(count, sequence)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, betas=(0.9, 0.95), weight_decay=0, fused=True)
    model.train()
    done = 0

    def step():
        nonlocal done
        inputs = batches[torch.arange(done, done + rows) % count]
        done += rows
        optimizer.zero_grad(set_to_none=True)
        loss = model(inputs, labels=inputs, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss.item()

    return step


def lora():
    from peft import LoraConfig, get_peft_model
    return train(get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")), 1e-3)


makers = {"generate": generate, "score": score, "train": lambda: train(model, 3e-4), "lora": lora}
answer(makers[work["work"]]())
