"""What litdata's own `StreamingDataset` reads of a folder of Parquet files: rows in their order, as JSON."""

import json
import sys

import litdata
from litdata.streaming.item_loader import ParquetLoader

if __name__ == "__main__":
    folder = sys.argv[1]
    litdata.index_parquet_dataset(folder, num_workers=1)
    rows = litdata.StreamingDataset(folder, item_loader=ParquetLoader(), shuffle=False)
    plain = [
        {
            name: list(value) if hasattr(value, "__len__") and not isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    print(json.dumps(plain))
