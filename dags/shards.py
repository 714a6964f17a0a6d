"""The scheduled run: every Monday night, the commands of the Makefile one after the other.

Each task is `winnow run --until STEP`: a step that is done already costs a second, so a retried task goes on where the
last one stopped. The DAG imports nothing of Winnow; it needs the checkout (`WINNOW_HOME`) and its `.venv`.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, chain

HOME = os.environ.get("WINNOW_HOME", str(Path(__file__).resolve().parents[1]))
# Parameters reach the shell as variables, never as its text: whoever may start a run can't add a command to it.
GIVEN = {
    "HOME_OF_WINNOW": HOME,
    "STAGE": "{{ params.stage }}",
    "PROFILE": "{{ params.profile }}",
    "FOLDER": "{{ params.out or 'runs/' ~ params.stage }}",
    "WORKERS": "{{ params.workers }}",
}
WINNOW = 'cd "$HOME_OF_WINNOW" && .venv/bin/winnow'
RUN = f'{WINNOW} run --stage="$STAGE" --profile="$PROFILE" --out="$FOLDER" --workers="$WORKERS"'

with DAG(
    dag_id="winnow",
    description="Raw corpora to training-ready shards",
    schedule="0 2 * * 1",
    start_date=datetime(2025, 1, 6),
    catchup=False,
    max_active_runs=1,  # two runs of one folder would wait for each other's lock
    default_args={
        "retries": int(os.environ.get("WINNOW_RETRIES", "2")),
        "retry_delay": timedelta(minutes=5),
        "env": GIVEN,
        "append_env": True,
    },
    params={
        "stage": Param("mid", type="string", description="a manifest of manifests/, or a path"),
        "profile": Param("sample", type="string", description="a file of manifests/profiles, or a path"),
        "out": Param("", type="string", description="the run's folder; runs/<stage> by default"),
        "workers": Param(2, type="integer", minimum=1),
    },
    tags=["data", "training"],
) as dag:
    steps = [
        BashOperator(task_id=task, bash_command=f"{RUN} --until {until}", do_xcom_push=False)
        for task, until in (("ingest", "ingest"), ("filter", "decide"), ("deduplicate", "deduplicate"))
    ]
    build = BashOperator(task_id="build", bash_command=RUN)  # what comes last differs by training stage
    verify = BashOperator(task_id="verify", bash_command=f'{WINNOW} verify -- "$FOLDER"')
    report = BashOperator(task_id="report", bash_command=f'{WINNOW} report -- "$FOLDER"')
    chain(*steps, build, verify, report)
