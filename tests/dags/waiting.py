"""A DAG that waits for a finished run of Winnow, as one that trains on its shards would."""

import json
import os
from pathlib import Path

from airflow.sdk import DAG, Asset, task

SHARDS = Asset("winnow_mid")

with DAG(dag_id="training", schedule=[SHARDS]) as dag:

    @task
    def train(*, triggering_asset_events):
        """Notes what it was told of the runs."""
        told = [event.extra for event in triggering_asset_events[SHARDS]]
        Path(os.environ["TOLD"]).write_text(json.dumps(told))

    train()
