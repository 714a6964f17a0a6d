"""The same files by lm-evaluation-harness, in the environment that `make .venv-harness/.ready` makes, without a network.

GSM8K, MATH, AIME and GPQA are asked and graded by the harness's own definitions (gsm8k_cot with its eight examples,
hendrycks_math, aime, gpqa_main_zeroshot), with the user's file in place of the hub's. Programs it asks for as ours are
asked for, and hands them back: its own graders run them on the machine as they are, and load a metric from the hub.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from winnow.stages.decontaminate.known import name_of
from winnow.trainer.benchmarks.grading import right
from winnow.trainer.benchmarks.questions import Kind, Question
from winnow.trainer.config import TrainingError

DEFINITIONS = {
    "gsm8k": ("gsm8k/gsm8k-cot.yaml", "exact_match"),
    "math": ("hendrycks_math/hendrycks_math_algebra.yaml", "exact_match"),
    "aime": ("aime/aime.yaml", "exact_match"),
    "gpqa": ("gpqa/zeroshot/gpqa_main_zeroshot.yaml", "acc"),
}
"""The harness's file of a benchmark, below its `tasks`, and which of its figures says whether an answer is right."""
RESULTS = "results"
FILTER = "flexible-extract"  # of the harness's readings of an answer, where it has several


def judged(
    python: Path,
    model: Path,
    files: Mapping[str, Sequence[Mapping[str, Any]]],
    questions: Sequence[Question],
    folder: Path,
    *,
    most_tokens: int,
) -> Iterator[tuple[Question, str, bool]]:
    """Asks by the harness; each question, what was answered, and whether it is right. Leaves the harness's own in `folder`.

    `files` holds the items of each benchmark as they stand in its file, in the order of `questions`. Raises `TrainingError`
    with the harness's last words where it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = _definitions(python)
    asked = {name: list(mine) for name, mine in groupby(questions, lambda question: question.benchmark)}
    for name, mine in asked.items():
        data = folder / f"{name}.jsonl"
        own = definition(name, mine[0].kind)
        rows = files[name] if own else [{"asked": question.asked} for question in mine]
        data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        task = _task(name, data, tasks, mine[0], own)
        (folder / f"{name}.yaml").write_text(json.dumps(task, ensure_ascii=False, indent=1) + "\n")
    _run(python, model, [f"winnow_{name}" for name in asked], folder, most_tokens)
    for name, mine in asked.items():
        own = definition(name, mine[0].kind)
        for row in _samples(folder, f"winnow_{name}"):
            question = mine[row["doc_id"]]
            said = "" if question.kind is Kind.CHOICE and own else str(row["resps"][0][0])
            yield question, said, bool(row[own[1]]) if own else right(question, said)


def definition(benchmark: str, kind: Kind) -> tuple[str, str] | None:
    """The harness's own definition; None where the harness asks as we do, and we grade."""
    return None if kind in (Kind.COMPLETION, Kind.PROGRAM) else DEFINITIONS.get(name_of(benchmark) or "")


def _task(benchmark: str, data: Path, tasks: Path, first: Question, own: tuple[str, str] | None) -> dict[str, Any]:
    """The harness's configuration of a task; JSON is YAML."""
    split = "validation_split" if first.kind is Kind.CHOICE else "test_split"
    settings: dict[str, Any] = {
        "task": f"winnow_{benchmark}",
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "training_split": None,
        "fewshot_split": None,
        split: "test",
    }
    if own:
        return {"include": str(tasks / own[0]), **settings}
    return {
        **settings,
        "output_type": "generate_until",
        "doc_to_text": "{{asked}}",
        "doc_to_target": "",
        "generation_kwargs": {"until": list(first.stops), "do_sample": False},
        "metric_list": [{"metric": "bypass"}],
    }


def _definitions(python: Path) -> Path:
    asked = "import importlib.util as u; print(u.find_spec('lm_eval').submodule_search_locations[0])"
    try:
        found = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise TrainingError(f"{python} has no lm-evaluation-harness; `make .venv-harness/.ready` makes one") from error
    return Path(found) / "tasks"


def _run(python: Path, model: Path, tasks: Sequence[str], folder: Path, most_tokens: int) -> None:
    command = [str(python.absolute()), "-m", "lm_eval", "run", "--model", "hf", "--tasks", ",".join(tasks)]
    command += ["--include_path", str(folder)]
    command += ["--model_args", f"pretrained={model.resolve()},dtype=float32", "--device", "cpu", "--batch_size", "8"]
    command += ["--output_path", str(folder / RESULTS), "--log_samples"]
    command += ["--gen_kwargs", f"max_gen_toks={most_tokens}"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    ended = subprocess.run(command, env={**os.environ, **offline}, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise TrainingError("lm-evaluation-harness failed:\n" + "\n".join(ended.stderr.splitlines()[-12:]))


def _samples(folder: Path, task: str) -> Iterator[dict[str, Any]]:
    """What the harness wrote of each item, the last time it ran."""
    found = sorted((folder / RESULTS).rglob(f"samples_{task}_*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise TrainingError(f"lm-evaluation-harness left no samples of {task} in {folder / RESULTS}")
    rows = [json.loads(line) for line in found[-1].read_text().splitlines()]
    several = {row.get("filter") for row in rows}
    yield from (row for row in rows if len(several) == 1 or row["filter"] == FILTER)
