"""One peer of `benchmarks.readers`, in an environment of its own: prints its speeds, the rows it read and their sum of ids.

    .venv-readers/mosaic/bin/python benchmarks/readers_peers.py mosaic FOLDER ROUNDS

Imports nothing of ours, so that it runs where only the peer is installed.
"""

import json
import sys
import time

import numpy as np


def mosaic(folder):
    from streaming import LocalDataset

    rows = LocalDataset(folder)
    return lambda: (rows[number]["input_ids"] for number in range(len(rows)))


def litdata(folder):
    from litdata import StreamingDataset, index_parquet_dataset
    from litdata.streaming.item_loader import ParquetLoader

    index_parquet_dataset(folder, num_workers=1)
    return lambda: (row["input_ids"] for row in StreamingDataset(folder, item_loader=ParquetLoader(), shuffle=False))


def main():
    name, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    read = {"mosaic": mosaic, "litdata": litdata}[name](folder)
    speeds = []
    for _ in range(rounds):
        begun, count, ids, tokens = time.process_time(), 0, 0, 0
        for row in read():
            values = np.asarray(row)
            count, ids, tokens = count + 1, ids + int(values.sum(dtype=np.int64)), tokens + len(values)
        speeds.append(tokens / (time.process_time() - begun))
    print(json.dumps({"speeds": speeds, "found": [count, ids]}))


if __name__ == "__main__":
    main()
