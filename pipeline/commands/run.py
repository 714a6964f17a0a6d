"""`winnow run`: builds the shards of one training stage."""

from __future__ import annotations

import sys
import time

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="run")
@options.stage
@options.profile
@options.after
@options.date
@options.series
@click.option("--out", default=None, metavar="DIR", help="the run's folder or address [default: runs/STAGE]")
@click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="local worker processes [default: one per core]"
)
@click.option("--scheduler", metavar="ADDRESS", help="address of a running Dask scheduler instead of local workers")
@click.option(
    "--tls",
    nargs=3,
    type=click.Path(exists=True, dir_okay=False),
    metavar="CA CERTIFICATE KEY",
    help="PEM files for a scheduler at tls://…",
)
@click.option(
    "--until", metavar="STEP", help="stop after this step, or after all whose name begins so (`winnow plan` lists them)"
)
@click.option(
    "--source", "sources", multiple=True, metavar="NAME", help="work this source alone, up to --until ingest or decide"
)
@click.option("--wait", is_flag=True, help="wait while another run works in the folder, rather than refuse")
@click.option("--keep-going", is_flag=True, help="go on where a source has lost every record")
@click.option("--paranoid", is_flag=True, help="compare the digest of every file that is there before it is believed")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one event a line",
)
@click.option("--metrics", metavar="[HOST:]PORT", help="serve Prometheus metrics there while it runs, such as 9464")
@click.option(
    "--traces", metavar="URL", help="send OpenTelemetry traces to this collector, such as http://127.0.0.1:4318"
)
@click.option(
    "--rework-versions", is_flag=True, help="work again what other versions of packages or of Winnow have worked"
)
def command(
    manifest: str,
    profile: str,
    after: str | None,
    date: str | None,
    series: str | None,
    out: str | None,
    workers: int | None,
    scheduler: str | None,
    tls: tuple[str, str, str] | None,
    until: str | None,
    sources: tuple[str, ...],
    wait: bool,
    keep_going: bool,
    rework_versions: bool,
    paranoid: bool,
    log_format: str,
    metrics: str | None,
    traces: str | None,
) -> None:
    """Build the shards of one training stage, from the raw inputs to the lock.

    What is done already isn't done again: after an interruption, a changed threshold or a new input, the same command
    works exactly the units whose inputs or parameters changed, or the code that you brought. What other versions of
    packages have worked is kept and named, unless --rework-versions is given.

    \b
    winnow run --stage mid                          the sample, on this machine
    winnow run --stage sft --after runs/mid         for the model that mid is trained on
    winnow run --stage mid --profile weekly --series runs/weekly --date 2026-11-16
    winnow run --stage mid --profile commoncrawl --out s3://bucket/mid --scheduler tcp://head:8786
    """
    from winnow.pipeline.configuration.coverage import gaps
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.reports.summary import print_summary
    from winnow.pipeline.running.cluster import Tls
    from winnow.pipeline.running.conductor import conduct
    from winnow.pipeline.running.failures import RunFailed
    from winnow.pipeline.running.log import JsonLog
    from winnow.pipeline.running.metrics import Metrics
    from winnow.pipeline.running.traces import Traces

    start = time.perf_counter()
    log = JsonLog() if log_format == "json" else None
    console = terminal.console(log)  # type: ignore[arg-type]  # of a file it writes and flushes alone
    settings = load_settings(manifest, profile, after, date=date, series=series)
    served = Metrics(metrics, settings.manifest.stage) if metrics else None
    traced = Traces(traces, settings.manifest.stage, parent=options.trace_parent()) if traces else None
    followers = [each for each in (log, served, traced) if each is not None]
    folder = options.folder(out, series, date, settings.manifest.stage)
    try:
        finished = conduct(
            settings,
            folder,
            workers=workers,
            scheduler=scheduler,
            tls=Tls(ca=tls[0], certificate=tls[1], key=tls[2]) if tls else None,
            until=until,
            console=console,
            keep_going=keep_going,
            rework_versions=rework_versions,
            paranoid=paranoid,
            sources=sources,
            wait=wait,
            followers=followers,
        )
    except RunFailed as failed:
        for failure in failed.failures:
            console.print(f"{failure.step}/{failure.unit}: {failure.reason}", style="red", markup=False, soft_wrap=True)
        rest = (
            "No further unit was begun"
            if any(failure.away for failure in failed.failures)
            else "Everything else of this step is done"
        )
        console.print(f"{failed}. {rest}; the same command goes on from here.")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped. The same command goes on from here.")
        sys.exit(130)
    finally:
        for each in (served, traced):
            if each is not None:
                each.close()
    if finished.lock_digest is not None:
        from winnow.pipeline.proof.seal import report_stands
        from winnow.pipeline.reports.report import write_report
        from winnow.stages.run.workspace import Workspace

        if not report_stands(Workspace(folder)):
            write_report(Workspace(folder))
    print_summary(console, folder, finished, time.perf_counter() - start, [*gaps(settings), *finished.kept])
