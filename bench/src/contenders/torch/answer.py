"""Answers requests of contenders/python.ts: one JSON object a line on standard input, one on standard output."""
import json
import resource
import sys
import time

CHECKED_STEP = 3  # as in contenders/serve.ts


def answer(step):
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
