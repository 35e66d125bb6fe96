"""The work of contenders/torch.ts."""
import json
import sys

import torch

import gpt
import llama
from answer import answer

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
with open(f"{folder}/work.json", encoding="utf-8") as file:
    work = json.load(file)
values = torch.from_file(f"{folder}/weights.bin", shared=False, size=sum(
    torch.Size(w["shape"]).numel() for w in work["weights"].values()))
weights = {
    name: values[w["offset"]:w["offset"] + torch.Size(w["shape"]).numel()].reshape(w["shape"]).clone()
    for name, w in work["weights"].items()
}
del values
makers = {"gpt": gpt.training, "llama": llama.training, "generate": llama.generation}
step = makers[work["model"]](work, weights)
answer(step)
