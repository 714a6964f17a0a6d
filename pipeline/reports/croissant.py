"""Croissant 1.0 of a run's shards (https://docs.mlcommons.org/croissant/docs/croissant-spec.html): files, sets, columns.

Each shard is a file object with its SHA-256, which is what the format proves files by: the lock's digests are BLAKE2b, so
every file is read once. A phase is a file set and a record set of its rows' token ids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from winnow.pipeline.reports.card import DATA_CARD, Account, data_card
from winnow.stages.run.digests import READ_BLOCK
from winnow.stages.run.workspace import Workspace

CROISSANT = "croissant.json"
PARQUET = "application/x-parquet"
CONFORMS = "http://mlcommons.org/croissant/1.0"

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isEnumeration": "cr:isEnumeration",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The format's own, which every document of it carries."""


def cards(account: Account, workspace: Workspace, *, name: str, base: str = "") -> dict[str, str]:
    """What stands beside the shards where they are published: the data card and the Croissant file, by their names."""
    described = croissant(account, workspace, name=name, base=base)
    return {
        DATA_CARD: data_card(account, name),
        CROISSANT: json.dumps(described, ensure_ascii=False, indent=1) + "\n",
    }


def croissant(account: Account, workspace: Workspace, *, name: str, base: str) -> dict[str, Any]:
    """The document of a data set whose folder holds it, beside a folder of shards for each phase.

    `base` is the URL at which that folder lies; empty, addresses are relative to it.
    """
    files = list(_files(account, workspace, base))
    phases = [phase for phase in account.index.phases if phase.files]
    edits = [edit["recipe"] for edit in account.manifest["edits"]]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": name,
        "description": (
            f"{account.tokens:,} tokens in {account.sequences:,} packed sequences for the training stage "
            f"{account.manifest['stage']}, made by Winnow. Lock {account.digest}."
        ),
        "license": "see the licence of each document",
        **({"url": base} if base else {}),
        "version": "1.0.0",
        "personalSensitiveInformation": (
            f"edited by {', '.join(edits)}" if edits else "texts weren't edited: what stood in them stands here"
        ),
        "distribution": [
            *files,
            *(
                {
                    "@type": "cr:FileSet",
                    "@id": f"{phase.name}-files",
                    "encodingFormat": PARQUET,
                    "includes": f"{phase.name}/*.parquet",  # of the folder that the document lies in
                }
                for phase in phases
            ),
        ],
        "recordSet": [_records(phase.name, phase.length) for phase in phases],
    }


def _files(account: Account, workspace: Workspace, base: str) -> Iterator[dict[str, Any]]:
    for phase in account.index.phases:
        for file in phase.files:
            yield {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "contentUrl": f"{base.rstrip('/')}/{file.path}" if base else file.path,
                "contentSize": f"{file.bytes} B",
                "encodingFormat": PARQUET,
                "sha256": sha256_of(workspace, f"shards/{file.path}"),
            }


def sha256_of(workspace: Workspace, name: str) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with workspace.open_input(name) as stream:
        while block := stream.read(READ_BLOCK):
            found.update(block)
    return found.hexdigest()


def _records(phase: str, length: int) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": phase,
        "name": phase,
        "description": f"sequences of {length:,} tokens; a row's `segments` tell which document each token is of",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{phase}/input_ids",
                "name": f"{phase}/input_ids",
                "description": "token ids, padding included",
                "dataType": "sc:Integer",
                "repeated": True,
                "source": {"fileSet": {"@id": f"{phase}-files"}, "extract": {"column": "input_ids"}},
            }
        ],
    }
