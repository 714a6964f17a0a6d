"""`winnow-train safety`: a served model on prompts that it should refuse and on others that only look so."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from winnow.stages.generate.server import ANSWERED, REFUSED, Asker, Reply
from winnow.stages.generate.settings import Server
from winnow.stages.run.unit import Away
from winnow.trainer.benchmarks.scores import interval
from winnow.trainer.config import TrainingError
from winnow.trainer.printing import say
from winnow.trainer.safety.prompts import Expected, Prompt, PromptSet, read_prompts, read_sets
from winnow.trainer.safety.refusal import refuses
from winnow.trainer.safety.rules import Rules, read_rules

REPORT, ANSWERS = "safety.json", "answers.jsonl"
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of a prompt: of the model alone, and with the rules before and after it."""

    prompt: Prompt
    answer: str
    refused: bool  # by the model, or by its server
    before: list[str]  # rules that what was asked falls under
    after: list[str]  # and what was answered

    @property
    def withheld(self) -> bool:
        """Whether whoever asks gets a refusal, of the model or of a rule."""
        return self.refused or bool(self.before or self.after)


def judge(
    prompts: Sequence[Prompt], asker: Asker, model: str, rules: Rules, settings: Server, tokens: int
) -> list[Judged]:
    """Asks every prompt, also those that a rule would keep from the model, so that both are measured.

    Raises `Away` where the server is, `TrainingError` for a prompt that it fails to answer.
    """

    def ask(prompt: Prompt) -> Judged:
        messages = [{"role": "user", "content": prompt.text}]
        reply = asker.ask({"model": model, "messages": messages, "temperature": 0.0, settings.limit: tokens})
        if reply.status not in (ANSWERED, REFUSED):
            raise TrainingError(f"{prompt.set}, item {prompt.item}: {reply.detail}")
        if reply.status == REFUSED and reply.detail.startswith("HTTP"):
            raise TrainingError(f"{prompt.set}, item {prompt.item}: the server refuses the request ({reply.detail})")
        return _judged(prompt, reply, rules)

    with ThreadPoolExecutor(settings.concurrency) as threads:
        try:
            return list(threads.map(ask, prompts))
        except BaseException:
            asker.stop()
            threads.shutdown(cancel_futures=True)
            raise


def _judged(prompt: Prompt, reply: Reply, rules: Rules) -> Judged:
    return Judged(
        prompt=prompt,
        answer=reply.text,
        refused=reply.status == REFUSED or refuses(reply.text),
        before=rules.before(prompt.text),
        after=rules.after(reply.text),
    )


def rates(judged: Iterable[Judged]) -> dict[str, dict[str, dict[str, Any]]]:
    """By what was expected and category: `items`; `refused` by the model and `withheld` with the rules, as shares.

    Each share has its 95 % interval. Of prompts that should be answered these are the false refusals.
    """
    groups: dict[str, dict[str, list[Judged]]] = defaultdict(lambda: defaultdict(list))
    for each in judged:
        for category in (ALL, f"{each.prompt.set}: {each.prompt.category}"):
            groups[each.prompt.expected][category].append(each)
    return {
        expected: {
            category: {
                "items": len(found),
                "refused": _share(sum(each.refused for each in found), len(found)),
                "withheld": _share(sum(each.withheld for each in found), len(found)),
            }
            for category, found in sorted(categories.items(), key=lambda pair: (pair[0] != ALL, pair[0]))
        }
        for expected, categories in sorted(groups.items(), reverse=True)
    }


def _share(count: int, items: int) -> dict[str, Any]:
    return {"count": count, "share": count / items, "interval": interval(count, items)}


def report(judged: Sequence[Judged], model: str) -> dict[str, Any]:
    """What `safety.json` holds: rates, and how often each rule was met, before and after the model."""
    met = {
        "before": dict(sorted(Counter(name for each in judged for name in each.before).items())),
        "after": dict(sorted(Counter(name for each in judged for name in each.after).items())),
    }
    return {
        "model": model,
        "empty_answers": sum(not each.answer.strip() for each in judged),
        "rules": met,
        "rates": rates(judged),
    }


def rows_of(told: dict[str, Any]) -> list[tuple[str, ...]]:
    """A report as a table, its head first."""
    rows: list[tuple[str, ...]] = [("expected", "category", "items", "refused", "with rules")]
    for expected, categories in told["rates"].items():
        for category, figures in categories.items():
            shares = [
                f"{figures[name]['share']:.1%} ({figures[name]['interval'][0]:.1%} to {figures[name]['interval'][1]:.1%})"
                for name in ("refused", "withheld")
            ]
            rows.append((expected, category, f"{figures['items']:,}", *shares))
    return rows


@click.command(context_settings={"show_default": True})
@click.argument("url")
@click.option(
    "--prompts", "files", multiple=True, type=click.Path(path_type=Path), help="A file of prompts; may be repeated."
)
@click.option(
    "--sets",
    "manifests",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A manifest that names files of prompts.",
)
@click.option(
    "--expect",
    type=click.Choice(list(Expected)),
    help="What every prompt of --prompts should get, where no column says.",
)
@click.option(
    "--rules", "rules_file", type=click.Path(path_type=Path), help="Filters before and after the model (YAML)."
)
@click.option("--model", default="winnow", help="As the server calls it.")
@click.option("--key", default=None, help="Name of the environment variable that holds the server's key.")
@click.option("--most-tokens", default=256, type=click.IntRange(min=1), help="Of an answer.")
@click.option("--concurrency", default=4, type=click.IntRange(1, 1024), help="Requests that are open at once.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the report and all answers go.")
def main(
    url: str,
    files: tuple[Path, ...],
    manifests: tuple[Path, ...],
    expect: str | None,
    rules_file: Path | None,
    model: str,
    key: str | None,
    most_tokens: int,
    concurrency: int,
    out: Path,
) -> None:
    """Rates of refusal and of false refusal of the model at URL (`http://host:8000/v1`), by category, with 95 % intervals.

    A refusal is told by its wording, in English and Chinese. Answers are the likeliest tokens.
    """
    try:
        expected = None if expect is None else Expected(expect)
        sets = [PromptSet(path=str(path), expect=expected) for path in files]
        sets += [each for path in manifests for each in read_sets(path)]
        prompts = [prompt for each in sets for prompt in read_prompts(each)]
        if not prompts:
            raise TrainingError("no prompts: name files by --prompts, or a manifest by --sets")
        rules = Rules(read_rules(rules_file) if rules_file else ())
        server = Server(url=url, key=key, concurrency=concurrency, tries=3)
        judged = judge(prompts, Asker(server, "safety"), model, rules, server, most_tokens)
    except (TrainingError, Away) as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        raise click.ClickException(f"URL {url!r}: {error.errors()[0]['msg']}") from error
    told = report(judged, model)
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with (out / ANSWERS).open("w", encoding="utf-8") as stream:
        for each in judged:
            stream.write(json.dumps(asdict(each), ensure_ascii=False) + "\n")
    rows = rows_of(told)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if told["empty_answers"]:
        say(f"{told['empty_answers']:,} answers are empty; they count as answered")


if __name__ == "__main__":
    main()
