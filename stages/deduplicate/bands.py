"""Signatures of a part and their bands: one row per document and band goes to the bucket of the band's key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.contender import Contending, identity_words, read_contenders
from winnow.stages.deduplicate.content import COLUMNS, as_written, sign_content
from winnow.stages.deduplicate.orthography import SIMPLIFIED, TRADITIONAL, UNTOLD, orthographies
from winnow.stages.deduplicate.recipes import MinHashSettings, ScriptSettings
from winnow.stages.deduplicate.signature import Minima, signature_table
from winnow.stages.run.exchange import scatter
from winnow.stages.run.unit import Counts, File, Unit
from winnow.stages.run.workspace import Workspace

BAND = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # hash of the band's minima and its number
        pa.field("band", pa.int16(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("quality", pa.float64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("identity", pa.uint64(), nullable=False),  # first half of the id: enough to break ties alike anywhere
        pa.field("following", pa.uint32(), nullable=False),  # from the next band's key: alike in both, alike in more
    ]
)


@dataclass(frozen=True, kw_only=True)
class SignPart:
    """The contenders of the `index`-th part."""

    index: int
    contending: Contending
    settings: MinHashSettings


def signatures_path(settings: MinHashSettings, part: str) -> File:
    return File(f"{settings.folder('signatures')}/{part}.parquet")


def bands_path(stage: str, part: str) -> File:
    return File(f"exchange/{stage}.bands/{part}.buckets")


def sign_part(workspace: Workspace, unit: Unit[SignPart]) -> Counts:
    """Signs the contenders of a part and scatters their bands. A document without words has no bands."""
    settings = unit.asked.settings
    contenders, documents = read_contenders(workspace, unit.asked.contending, COLUMNS[1:])
    if isinstance(settings, ScriptSettings):
        contenders, documents = in_chinese(contenders, documents, settings)
    minima, counts = sign_content(documents, settings)
    table = signature_table(contenders, minima, counts, settings.scheme())
    workspace.write_table(signatures_path(settings, unit.name), table)
    rows = band_rows(contenders, minima, counts, settings, part=unit.asked.index)
    scatter(workspace, bands_path(settings.stage, unit.name), rows, settings.buckets)
    return {"documents": contenders.num_rows, "bands": rows.num_rows}


def in_chinese(contenders: pa.Table, documents: pa.Table, settings: ScriptSettings) -> tuple[pa.Table, pa.Table]:
    """Those in Chinese, where `stays` names a script with the quality of being written in it."""
    scripts = orthographies(as_written(documents))
    chinese = pa.array(scripts != UNTOLD)
    if settings.stays != "preferred":
        wanted = TRADITIONAL if settings.stays == "traditional" else SIMPLIFIED
        quality = pa.array((scripts == wanted).astype(np.float64))
        contenders = contenders.set_column(contenders.schema.get_field_index("quality"), "quality", quality)
    return contenders.filter(chinese), documents.filter(chinese)


def band_rows(
    contenders: pa.Table, minima: Minima, counts: np.ndarray, settings: MinHashSettings, *, part: int
) -> pa.Table:
    """The rows of `BAND` of all documents that have a shingle."""
    from winnow.filters.kernels.minima import band_keys

    signed = np.flatnonzero(counts)
    keys = np.empty((len(signed), settings.bands), np.uint64)
    band_keys(np.ascontiguousarray(minima[signed]), settings.rows, keys)
    following = (np.roll(keys, -1, axis=1) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    repeated = np.repeat(signed, settings.bands)
    columns = contenders.select(["row", "quality", "length"]).take(pa.array(repeated))
    return pa.table(
        {
            "key": keys.reshape(-1),
            "band": np.tile(np.arange(settings.bands, dtype=np.int16), len(signed)),
            "part": np.full(len(repeated), part, np.int32),
            "row": columns["row"],
            "quality": columns["quality"],
            "length": columns["length"],
            "identity": identity_words(contenders["identity"])[repeated, 0],
            "following": following.reshape(-1),
        },
        schema=BAND,
    )
