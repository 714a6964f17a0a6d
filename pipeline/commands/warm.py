"""`winnow warm`: compiles the kernels before the first run."""

from __future__ import annotations

import time

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="warm")
@options.stage
@options.profile
def command(manifest: str, profile: str) -> None:
    """Compile the kernels that a manifest needs, so that the first run doesn't have to.

    Works one small part of each kind of source in a temporary folder. Compiled kernels are kept beside their sources;
    a run compiles what is missing by itself.
    """
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.running.conductor import fetch_downloads
    from winnow.pipeline.running.warm import warm

    console = terminal.console()
    settings = load_settings(manifest, profile)
    fetch_downloads(settings, console)
    start = time.perf_counter()
    parts = warm(settings)
    console.print(
        f"Kernels are ready: {parts} small part{'s' * (parts != 1)} worked in {time.perf_counter() - start:.1f} s."
    )
