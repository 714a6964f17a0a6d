"""What Ray's `read_parquet` makes of a phase's folder without options: its rows, as JSON."""

import json
import sys

import ray

if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    rows = ray.data.read_parquet(sys.argv[1]).take_all()
    plain = [{name: list(value) for name, value in row.items()} for row in rows]
    print(json.dumps(plain, default=lambda value: value.tolist()))
