"""`winnow repository`: one repository as training sequences."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.order import POLICIES


@click.command(name="repository")
@click.argument("path")
@click.option("--out", required=True, metavar="DIR", help="folder for tokens/ and sequences/")
@click.option("--tokenizer", default="runs/mid/tokenizer", show_default=True, metavar="PATH", help="folder or file")
@click.option("--length", default=131_072, show_default=True, help="tokens of a sequence at the most")
@click.option("--policy", type=click.Choice(POLICIES), default="dependency", show_default=True)
@click.option("--commit", default="HEAD", show_default=True, help="of a git repository")
def command(path: str, out: str, tokenizer: str, length: int, policy: str, commit: str) -> None:
    """Write a repository as token sequences in dependency order, with the evidence of how they came about.

    A repository that is longer than LENGTH is split between files that don't depend on each other; no file is cut
    unless it alone is too long. PATH is a git repository, a folder or an archive.
    """
    from winnow.formats.containers.git_directory import GitError
    from winnow.formats.languages.imports.graph import Policy
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.order import write_sequences

    try:
        counts = write_sequences(path, length, out, tokenizer=tokenizer, policy=Policy(policy), commit=commit)
    except (OSError, GitError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    for name, count in counts.items():
        terminal.say(f"{name:<20} {count}")
