"""What MosaicML's own `StreamingDataset` reads of an export: rows in their order, as JSON."""

import json
import sys

from streaming import StreamingDataset

rows = StreamingDataset(local=sys.argv[1], shuffle=False, batch_size=1)
print(
    json.dumps(
        [
            {
                "input_ids": row["input_ids"].tolist(),
                "loss_mask": row["loss_mask"].astype(bool).tolist(),
                "segments": row["segments"],
            }
            for row in (rows[number] for number in range(len(rows)))
        ]
    )
)
