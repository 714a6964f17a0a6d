"""fastText's training in a process of its own: `python -m winnow.filters.fitting` with the options as JSON on standard input.

With one thread, fastText 0.9.3 fills a tenth of its matrix at random and leaves the rest as the allocator gave it. A
process that has freed much gives it whatever lay there, often not a number; a new process whose allocator clears what it
hands out gives zeros, so that equal documents give an equal model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

CLEARED = {"MALLOC_PERTURB_": "255"}
"""glibc fills what it hands out with the complement of this byte: zeros. Other allocators don't read it; from them, a
matrix above 32 MiB comes straight from the system, as zeros too (`Training.cleared_buckets`)."""


def fit(lines: str, model: str, *, quantised: bool, **options: Any) -> None:
    """Trains on the lines `__label__NAME words …` of a file and writes the model. Raises `RuntimeError` as fastText does."""
    asked = {"lines": lines, "model": model, "quantised": quantised, "options": options}
    finished = subprocess.run(
        [sys.executable, "-m", "winnow.filters.fitting"],
        input=json.dumps(asked),
        env={**os.environ, **CLEARED, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        reason = finished.stderr.strip().rpartition("\n")[2] or f"exit status {finished.returncode}"
        raise RuntimeError(f"fastText could not train on {lines}: {reason}")


def _main() -> None:
    import fasttext

    asked = json.load(sys.stdin)
    trained = fasttext.train_supervised(asked["lines"], **asked["options"], loss="softmax", thread=1, verbose=0)
    if asked["quantised"]:
        trained.quantize(asked["lines"], retrain=False)
    trained.save_model(asked["model"])


if __name__ == "__main__":
    _main()
