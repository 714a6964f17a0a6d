"""What MLCommons' own mlcroissant finds wrong with a Croissant file, and the rows that it reads by it, as JSON."""

import json
import sys

import mlcroissant

if __name__ == "__main__":
    path, record_set = sys.argv[1:]
    dataset = mlcroissant.Dataset(jsonld=path)
    rows = [[int(token) for token in next(iter(row.values()))] for row in dataset.records(record_set)]
    print(json.dumps({"errors": sorted(dataset.metadata.ctx.issues.errors), "rows": rows}))
