"""What OLMo-core's own data sets read of an export: rows of fixed length, documents padded, documents packed; as JSON."""

import json
import sys
import tempfile

import numpy as np
from olmo_core.data import numpy_dataset

target, length, pad, end, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
common = {
    "sequence_length": length,
    "pad_token_id": pad,
    "eos_token_id": end,
    "vocab_size": 60_000,
    "dtype": getattr(np, dtype),
    "label_mask_paths": [f"{target}.mask.npy"],
}
kinds = {
    "fixed": numpy_dataset.NumpyFSLDataset(f"{target}.npy", generate_doc_lengths=True, **common),
    "padded": numpy_dataset.NumpyPaddedFSLDataset(f"{target}.npy", **common),
    "packed": numpy_dataset.NumpyPackedFSLDataset(f"{target}.npy", generate_doc_lengths=True, **common),
}
found = {}
for name, rows in kinds.items():
    rows.work_dir = tempfile.mkdtemp()
    rows.prepare()
    found[name] = [
        {key: value.tolist() for key, value in rows[number].items() if hasattr(value, "tolist")}
        for number in range(len(rows))
    ]
print(json.dumps(found))
