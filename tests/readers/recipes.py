"""Runs one code block of docs/training-elsewhere.md, as it stands there, in an environment of its own; prints its loss."""

import json
import sys

import torch

if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {"__name__": "recipe"}
    exec(compile(sys.stdin.read(), "training-elsewhere.md", "exec"), found)
    print(json.dumps(float(found["loss"])))
