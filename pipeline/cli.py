"""The command `winnow`. Each subcommand is one module of `pipeline/commands/`, imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

COMMANDS = {
    "init": "write a manifest and a profile for folders of your own",
    "run": "build a training stage's shards",
    "plan": "show what a run would do, without doing it",
    "status": "show how far a run is",
    "inspect": "show the sequences of a shard, decoded",
    "verify": "check every digest and every count of a run",
    "repair": "remove what verify finds damaged, for the run to build again",
    "view": "look at a run in the browser: texts, reasons, thresholds, sequences, labels",
    "explain": "tell one document's way through every stage",
    "trace": "tell which document, file and line a token of a shard comes from",
    "diff": "compare two runs: manifest, inputs, funnel, mixture",
    "report": "write the HTML report of a run",
    "push": "publish a finished run's shards, tokenizer and lock",
    "pull": "bring a published data set, each file proved",
    "card": "write the data card, Croissant file and model card of a run",
    "recipes": "list the named filters, their rules and where they were published",
    "mix": "find the mixture that small models learn best from",
    "ablate": "compare ways to make data by what small models learn from them",
    "filter": "run one recipe alone on Parquet or JSONL",
    "dedup": "de-duplicate Parquet or JSONL alone, at any level",
    "decontaminate": "find benchmark items in Parquet or JSONL",
    "order": "print a repository's files in dependency order",
    "repository": "write a repository as training sequences",
    "tokenizer": "train, encode, evaluate and export tokenizers",
    "classifier": "train and apply a fastText quality or topic model",
    "extract": "turn HTML or WARC into text",
    "export": "write shards in another trainer's format",
    "fetch": "bring the pinned downloads of a profile",
    "warm": "compile the kernels before the first run",
}


class LazyGroup(click.Group):
    """Knows the commands by name and summary; imports one when it is called, so that `--help` takes no second."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"winnow.pipeline.commands.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            context.fail(f"there is no command {args[0]!r}.{hint}")
        return super().resolve_command(context, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="winnow-corpora")
def cli() -> None:
    """Winnow: from raw corpora to training-ready token shards.

    Start with your own texts, `winnow init FOLDER`, or with the sample, `winnow run --stage mid`; look at what a run made
    with `winnow inspect runs/mid`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: a user's mistake ends in one message and exit status 2, a bug in a traceback.

    A disk or a store that refuses (a wrong secret, no such bucket) isn't a bug either: what it said is the message.
    """
    from winnow.pipeline import terminal
    from winnow.pipeline.configuration.reading import ConfigurationError, NothingNew

    try:
        cli(arguments)
    except NothingNew as told:
        terminal.say(f"winnow: {told}")
        sys.exit(3)
    except ConfigurationError as error:
        terminal.say(f"winnow: {error}", err=True)
        sys.exit(2)
    except Exception as error:
        if (sentence := _refused(error)) is None:
            raise
        terminal.say(f"winnow: {sentence}", err=True)
        sys.exit(2)


def _refused(error: Exception) -> str | None:
    """What this machine or a store refuses, in a sentence; None for a bug."""
    try:
        from winnow.pipeline.running.failures import refusal, want_of_memory
    except (ImportError, MemoryError):  # for which no memory is left, either
        return "no memory is left on this machine"
    if told := want_of_memory(error) or refusal(error):
        return told
    return f"{type(error).__name__}: {error.__cause__ or error}" if isinstance(error, _storage_errors()) else None


def _storage_errors() -> tuple[type[Exception], ...]:
    """What disks and object stores raise; botocore's own kind only where it has been loaded."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)


if __name__ == "__main__":
    main()
