"""`winnow view`: a run in the browser."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="view")
@options.run_folder
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--port", default=8765, show_default=True, help="on 127.0.0.1; 0 takes any that is free")
@click.option("--labels", metavar="FILE", help="where labels are kept [default: RUN.labels.jsonl beside the run]")
@click.option("--index-words", is_flag=True, help="read all texts first, so that words are looked for in all of them")
@click.option(
    "--root", default="data", show_default=True, help="the profile's root: models that explain why rules fired"
)
@click.option("--browser/--no-browser", default=True, help="open a browser, too")
def command(
    run: str, other: str | None, port: int, labels: str | None, index_words: bool, root: str, browser: bool
) -> None:
    """Look at RUN in a browser: its documents and what became of them, measures and thresholds, duplicates, sequences.

    With OTHER, what changed sides between the two. The page is shown on this machine alone; nothing is fetched from the
    network and nothing is written but labels and, with --index-words, an index in the user's cache. Ends with Ctrl-C.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError

    for folder in (run, other):
        if folder is not None:
            options.open_run(folder)
    try:
        from winnow.viewer.runs import Run
        from winnow.viewer.server import serve
        from winnow.viewer.words import build_index
    except ImportError as error:
        raise ConfigurationError(
            f"{error}: install what the viewer needs, pip install 'winnow-corpora[view]'"
        ) from None
    try:
        shown = Run(run, root)
        beside = Run(other, root) if other is not None else None
        if index_words:
            from rich.progress import Progress

            with Progress(console=terminal.console(), transient=True) as progress:
                bar = progress.add_task("reading words", total=None)
                build_index(shown, lambda done, total: progress.update(bar, completed=done, total=total))
        serve(
            shown,
            beside,
            port=port,
            labels=labels or f"{run.rstrip('/')}.labels.jsonl",
            ready=lambda address: _ready(address, browser),
        )
    except OSError as error:
        raise ConfigurationError(f"--port {port}: {error.strerror or error}; choose another, or 0 for any") from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _ready(address: str, browser: bool) -> None:
    terminal.say(f"{address}   (Ctrl-C ends it)")
    if browser:
        import webbrowser

        webbrowser.open(address)
