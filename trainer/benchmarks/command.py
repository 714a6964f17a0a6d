"""`winnow-train benchmark`: an export on files of benchmarks, each score by what the training data hold of the items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from winnow.stages.decontaminate.held import Held, Item, held_items
from winnow.stages.decontaminate.items import identified
from winnow.stages.decontaminate.settings import Benchmark, DecontaminationRules
from winnow.stages.run.workspace import Workspace
from winnow.trainer.benchmarks.answers import answers
from winnow.trainer.benchmarks.grading import right
from winnow.trainer.benchmarks.harness import judged
from winnow.trainer.benchmarks.questions import Question, questions
from winnow.trainer.benchmarks.scores import scores
from winnow.trainer.config import TrainingError
from winnow.trainer.recipe import LOCK

SCORES, ANSWERS = "benchmarks.json", "answers.jsonl"


def held_by(runs: Sequence[str], benchmarks: Sequence[Benchmark]) -> dict[Item, Held]:
    """Which items the documents of these runs hold, by each run's own rules; what one kept, no other has only dropped."""
    found: dict[Item, Held] = {}
    for run in runs:
        workspace = Workspace(run)
        if not workspace.exists(LOCK):
            raise TrainingError(f"{run} is no finished run: it has no {LOCK}")
        manifest = json.loads(workspace.read_bytes(LOCK))["manifest"]
        rules = DecontaminationRules(**(manifest.get("decontaminate") or {}))
        for item, held in held_items(workspace, benchmarks, rules).items():
            found[item] = Held.KEPT if Held.KEPT in (held, found.get(item)) else held
    return found


def benchmark_export(
    model: Path,
    out: Path,
    benchmarks: Sequence[Benchmark],
    held: dict[Item, Held],
    *,
    most_tokens: int,
    limit: int | None = None,
    chat: bool = False,
    harness: Path | None = None,
) -> dict[str, Any]:
    """Asks, grades, and writes `benchmarks.json` and every answer, with whether it is right, to `answers.jsonl` in `out`."""
    asked = [question for benchmark in benchmarks for question in islice(questions(benchmark), limit)]
    if harness is None:
        said = answers(model, asked, most_tokens=most_tokens, chat=chat)
        graded: Iterable[tuple[Question, str, bool]] = ((one, text, right(one, text)) for one, text in said)
    else:
        files = {one.name: [keys for _, _, keys in islice(identified(one), limit)] for one in benchmarks}
        graded = judged(harness, model, files, asked, out / "harness", most_tokens=most_tokens)
    out.mkdir(parents=True, exist_ok=True)
    results = []
    with (out / ANSWERS).open("w") as file:
        for question, text, is_right in graded:
            where = held.get((question.benchmark, question.item))
            row = {
                "benchmark": question.benchmark,
                "item": question.item,
                "held": where,
                "right": is_right,
                "answer": text,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            results.append((question, is_right))
    found = scores(results, held)
    (out / SCORES).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


@click.command(context_settings={"show_default": True})
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--model", required=True, type=click.Path(path_type=Path, exists=True), help="An export: DIR/huggingface."
)
@click.option(
    "--run",
    "runs",
    required=True,
    multiple=True,
    help="A run that the model was trained on; several times for several.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where scores and answers go.")
@click.option("--most-tokens", default=512, type=click.IntRange(min=1), help="Of an answer.")
@click.option("--limit", type=click.IntRange(min=1), help="The first items of each file alone.")
@click.option("--chat", is_flag=True, help="Ask by the chat template, not as text that goes on.")
@click.option(
    "--harness",
    type=click.Path(path_type=Path),
    help="Python of an environment with lm-evaluation-harness, which then asks and grades.",
)
def main(files: Sequence[str], model: Path, runs: Sequence[str], out: Path, **options: Any) -> None:
    """Asks an export the questions of benchmark files: JSON lines, JSON, CSV or Parquet with their authors' keys.

    HumanEval (`prompt`, `test`, `entry_point`) and MBPP (`text`, `test_list`), whose programs are run in the sandbox; GPQA
    (`Question`, `Correct Answer`, `Incorrect Answer 1` …); GSM8K, MATH, AIME (`question` or `problem`, `answer` or
    `solution`). A benchmark is named by its file, up to the first dot. Each score is told of items that the runs' documents
    hold and of others.
    """
    try:
        benchmarks = [Benchmark(path=path) for path in files]
        if len({benchmark.name for benchmark in benchmarks}) < len(benchmarks):
            raise TrainingError("two of the files have one name up to the first dot: rename one")
        if options["harness"] is not None and options["chat"]:
            raise TrainingError("the harness asks by its own definitions: no --chat with it")
        held = held_by(runs, benchmarks)
        for name, groups in benchmark_export(model, out, benchmarks, held, **options).items():
            for group, figures in groups.items():
                low, high = (100 * end for end in figures["interval"])
                share = f"{figures['right']:>5,} of {figures['items']:>5,}  {100 * figures['share']:.1f} %"
                click.echo(f"{name:<16} {group:<26} {share} ({low:.1f} to {high:.1f})")
    except (TrainingError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
