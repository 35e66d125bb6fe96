"""Answers requests of contenders/torch.ts: one JSON object a line on standard input, one on standard output."""
import json
import resource
import sys
import time

import torch

import gpt
import llama

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
CHECKED_STEP = 3  # as in contenders/serve.ts
steps, check = 0, float("nan")
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    milliseconds = []
    for i in range(request["untimed"] + request["timed"]):
        start = time.perf_counter()
        value = step()
        if i >= request["untimed"]:
            milliseconds.append((time.perf_counter() - start) * 1000)
        steps += 1
        if steps <= CHECKED_STEP:
            check = value
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"milliseconds": milliseconds, "check": check, "peakRssBytes": peak}), flush=True)
