#!/usr/bin/env bash
# Runs the DAG once, with a real Airflow in its own virtual environment and a fresh metadata database.
set -euo pipefail
stage=$1 profile=$2 run=$3
home=$(cd "$(dirname "$0")/.." && pwd)
export WINNOW_HOME=$home WINNOW_RETRIES=0
export AIRFLOW_HOME=$home/build/airflow
export AIRFLOW__CORE__DAGS_FOLDER=$home/dags
export AIRFLOW__CORE__LOAD_EXAMPLES=False
airflow=$home/.venv-airflow/bin/airflow

mkdir -p "$AIRFLOW_HOME"
"$airflow" db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log"; exit 1; }
errors=$("$airflow" dags list-import-errors --local --output json 2>/dev/null | tail -n 1)
[ "$errors" = "[]" ] || [ "$errors" = "No data found" ] || { echo "the DAG does not import: $errors"; exit 1; }
conf=$("$home/.venv-airflow/bin/python" -c 'import json, sys; print(json.dumps({"series": False, **dict(zip(("stage", "profile", "out"), sys.argv[1:]))}))' \
  "$stage" "$profile" "$run")
"$airflow" dags test winnow --conf "$conf"
echo "The DAG ran to its end: $run/lock.json, $run/report.html"
