"""The scheduled run: raw corpora to verified shards, every week what is new since the week before.

The commands are those of a shell, `winnow run --until STEP`: what is done already costs seconds, so a task that is tried
again goes on where the last try stopped, to the same bytes. The sources are ingested and filtered one by one, in a task
group mapped over them; de-duplication and all later steps look at every source together.

A run of the schedule works in `runs/<stage>-by-date/<start of its data interval>`: its paths may name that date, it takes
the inputs that no earlier one has read, and its near-duplicates of theirs go. Without anything new its tasks are
skipped. With `series: false` one folder is kept up to date instead.

A verified run updates the asset `winnow_<stage>`, on which other DAGs can be scheduled; the event tells folder, lock and
report.

The DAG imports nothing of Winnow. It is set up by the environment of Airflow:
WINNOW_HOME        the checkout with its `.venv` [the folder above this file's]
WINNOW_SCHEDULE    when, as cron writes it [0 2 * * 1]
WINNOW_RETRIES     tries after the first [2], WINNOW_RETRY_SECONDS apart [300]
WINNOW_POOL        the pool whose slots its tasks take [default_pool]
WINNOW_REPORTS     the address at which the checkout's folder is served, for links to reports [file://WINNOW_HOME]
WINNOW_ON_FAILURE  a shell command that hears of a task given up, by the variables DAG, DAG_RUN, TASK, RUN and ERROR
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, AssetAlias, BaseOperatorLink, CronDataIntervalTimetable, Param, task, task_group

HOME = os.environ.get("WINNOW_HOME", str(Path(__file__).resolve().parents[1]))
REPORTS = os.environ.get("WINNOW_REPORTS", f"file://{HOME}").rstrip("/")
NOTHING_NEW = 3  # the exit status by which `winnow` tells it

FOLDER = "{{ params.out or 'runs/' ~ (params.stage | stem) ~ ('-by-date' if params.series else '') }}"
DATE = "{{ params.date or ((data_interval_start or dag_run.run_after) | ds) }}"
RUN = FOLDER + "{{ '/' ~ (params.date or ((data_interval_start or dag_run.run_after) | ds)) if params.series else '' }}"
# Parameters reach the shell as variables, never as its text: whoever may start a run can't add a command to it.
GIVEN = {
    "HOME_OF_WINNOW": HOME,
    "STAGE": "{{ params.stage }}",
    "PROFILE": "{{ params.profile }}",
    "AFTER": "{{ params.after or '' }}",
    "FOLDER": FOLDER,
    "SERIES": "{{ 'yes' if params.series else '' }}",
    "DATE": DATE,
    "RUN": RUN,
    "SCHEDULER": "{{ params.scheduler or '' }}",
    "WORKERS": "{{ params.workers }}",
}
ASKED = """
cd "$HOME_OF_WINNOW" || exit
asked=(--stage="$STAGE" --profile="$PROFILE" --date="$DATE")
if [ "$AFTER" ]; then asked+=(--after="$AFTER"); fi
if [ "$SERIES" ]; then asked+=(--series="$FOLDER"); else asked+=(--out="$FOLDER"); fi
workers=(--workers="$WORKERS")
if [ "$SCHEDULER" ]; then workers=(--scheduler="$SCHEDULER"); fi
"""
PLAN = f"""{ASKED}
.venv/bin/winnow fetch --stage="$STAGE" --profile="$PROFILE" >&2
exec .venv/bin/winnow plan "${{asked[@]}}" --json"""
# --wait: a worker of Airflow may be gone while the run that it had started still works.
WORK = f'{ASKED}exec .venv/bin/winnow run "${{asked[@]}}" "${{workers[@]}}" --wait'


def folder_of(run: str) -> str:
    """A run's folder as others find it: the commands are started in the checkout."""
    return run if "://" in run else os.path.join(HOME, run)


class Report(BaseOperatorLink):
    """A button beside the task that leads to the run's report."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        run = folder_of(operator.env["RUN"])
        if "://" not in run:
            inside = Path(run).is_relative_to(HOME)
            run = f"{REPORTS}/{Path(run).relative_to(HOME)}" if inside else f"file://{run}"
        return f"{run}/report.html"


class Winnow(BashOperator):
    """A command in the checkout, with what the run was asked for as variables."""

    def __init__(self, *, source: Any = None, **options: Any) -> None:
        env = GIVEN if source is None else {**GIVEN, "SOURCE": source}
        super().__init__(env=env, append_env=True, **options)


class Reported(Winnow):
    """One after which there is a report."""

    operator_extra_links = (Report(),)


def tell_failure(context: Any) -> None:
    """Runs the operator's own command when the last try of a task has failed."""
    instance = context["task_instance"]
    told = {
        "DAG": instance.dag_id,
        "DAG_RUN": instance.run_id,
        "TASK": instance.task_id,
        "RUN": folder_of((getattr(context["task"], "env", None) or {}).get("RUN", "")),
        "ERROR": str(context.get("exception") or ""),
    }
    subprocess.run(["bash", "-c", os.environ["WINNOW_ON_FAILURE"]], env={**os.environ, **told}, check=True, timeout=60)


with DAG(
    dag_id="winnow",
    description="Raw corpora to training-ready shards",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(os.environ.get("WINNOW_SCHEDULE", "0 2 * * 1"), timezone="UTC"),
    start_date=datetime(2025, 1, 6),
    catchup=False,
    max_active_runs=1,  # each is built on the one before
    user_defined_filters={"stem": lambda path: Path(path).stem},
    default_args={
        "retries": int(os.environ.get("WINNOW_RETRIES", "2")),
        "retry_delay": timedelta(seconds=float(os.environ.get("WINNOW_RETRY_SECONDS", "300"))),
        "pool": os.environ.get("WINNOW_POOL", "default_pool"),
        "on_failure_callback": tell_failure if "WINNOW_ON_FAILURE" in os.environ else None,
    },
    params={
        "stage": Param("mid", type="string", description="a manifest of manifests/, or a path"),
        "profile": Param("sample", type="string", description="a file of manifests/profiles, or a path"),
        "series": Param(True, type="boolean", description="a folder for each date, of what is new since the last"),
        "date": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d)?$",
            description="the date of the run; by default the start of its data interval",
        ),
        "out": Param("", type="string", description="the run's folder, or that of the series"),
        "after": Param("", type="string", description="the finished run to build on; of a series the first one"),
        "scheduler": Param("", type="string", description="address of a Dask scheduler; else workers of this machine"),
        "workers": Param(2, type="integer", minimum=1, description="worker processes on this machine"),
    },
    tags=["data", "training"],
) as dag:
    plan = Winnow(
        task_id="plan",
        bash_command=PLAN,
        output_processor=lambda line: list(json.loads(line)["sources"]),
        skip_on_exit_code=NOTHING_NEW,
    )

    @task_group
    def by_source(source: str) -> None:
        """One source at a time, each on all workers: a folder is one run's."""
        steps = [
            Winnow(
                task_id=name,
                source=source,
                bash_command=f'{WORK} --until {until} --source="$SOURCE"',
                do_xcom_push=False,
                max_active_tis_per_dagrun=1,
                map_index_template="{{ task.env['SOURCE'] }}",
            )
            for name, until in (("ingest", "ingest"), ("filter", "decide"))
        ]
        steps[0] >> steps[1]

    deduplicate = Winnow(task_id="deduplicate", bash_command=f"{WORK} --until deduplicate", do_xcom_push=False)
    build = Reported(task_id="build", bash_command=WORK, do_xcom_push=False)  # what comes last differs by stage
    verify = Reported(task_id="verify", bash_command='cd "$HOME_OF_WINNOW" && exec .venv/bin/winnow verify -- "$RUN"')

    @task(outlets=[AssetAlias("winnow")])
    def publish(stage: str, run: str, lock: str, *, outlet_events: Any) -> None:
        """Updates the stage's asset."""
        folder = folder_of(run)
        told = {"run": folder, "lock": lock.rpartition(" ")[2], "report": f"{folder}/report.html"}
        outlet_events[AssetAlias("winnow")].add(Asset(f"winnow_{stage}"), extra=told)

    mapped = by_source.expand(source=plan.output)
    published = publish("{{ params.stage | stem }}", RUN, verify.output)
    plan >> mapped >> deduplicate >> build >> verify >> published
