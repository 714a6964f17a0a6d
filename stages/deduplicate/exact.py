"""Exact duplicates: documents that say the same, by a 128-bit hash.

What counts is chosen by what a document is:

prose           runs of white space count as one space, and none at the ends
laid-out text   code, YAML, lists, tables, verse: white space counts, but for that at the ends of lines and how lines end.
                Every file of a repository is such a text, any other by its lines (`winnow.filters.kernels.texts`)
conversations   all that is learned: messages, tools, `train`, rejected turns, label (`winnow.formats.dialogues.identity`).
                Equal questions whose labels differ both stay, and stand in `contradictions/` with their labels

Nothing else is normalised, since in code and mathematics a sign or a capital is the difference. The hash is not keyed:
texts made to collide could make one of them go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.formats.dialogues.identity import RECORD, identity
from winnow.stages.deduplicate.contender import read_contenders
from winnow.stages.deduplicate.equal import EqualSettings, HashPart, Keys, plan_equal, resolve, send_claims
from winnow.stages.deduplicate.verdict import drop
from winnow.stages.run.unit import Counts, Planned, Step, Unit
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.exact"
FILES = "repositories"
"""The kind whose every document is a file, whose white space stays."""
COLUMNS = ("kind", "messages")


class ExactSettings(EqualSettings):
    """The manifest's `exact` section."""


def document_keys(documents: pa.Table) -> tuple[Keys, pa.Array]:
    """The 128-bit hashes of n documents (columns `text`, `kind`, `messages`), n × 2 of uint64, and their labels.

    The first word of a labelled question's is the hash of the question alone.
    """
    layouts = laid_out(documents["text"]) | pc.equal(documents["kind"], FILES).to_numpy(zero_copy_only=False)
    keys = text_keys(documents["text"], layouts)
    talks = np.flatnonzero(documents["messages"].is_valid().to_numpy(zero_copy_only=False))
    labels: list[str | None] = [None] * documents.num_rows
    if not len(talks):
        return keys, pa.array(labels, pa.string())
    known = [identity(messages) for messages in documents["messages"].take(pa.array(talks)).to_pylist()]
    whole = pa.array((RECORD.join((talk.asked, talk.taught, talk.label or "")) for talk in known), pa.large_string())
    keys[talks] = text_keys(whole, layouts[talks])
    labelled = np.array([talk.label is not None for talk in known], bool)
    questions = pa.array((talk.asked for talk in known if talk.label is not None), pa.large_string())
    keys[talks[labelled], 0] = text_keys(questions, layouts[talks[labelled]])[:, 0]
    for row, talk in zip(talks.tolist(), known, strict=True):
        labels[row] = talk.label
    return keys, pa.array(labels, pa.string())


def laid_out(texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Of n texts, whose white space means something."""
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.texts import find_layouts

    found = np.zeros(len(texts), bool)
    find_layouts(*text_buffers(texts), found)
    return found


def text_keys(texts: pa.Array | pa.ChunkedArray, layouts: npt.NDArray[np.bool_]) -> Keys:
    """The 128-bit hashes of n texts, n × 2 of uint64; of those in `layouts` with their white space."""
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.texts import hash_texts

    keys = np.empty((len(texts), 2), np.uint64)
    for folded in (True, False):
        rows = np.flatnonzero(layouts != folded)
        if len(rows):
            chosen = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
            found = np.empty((len(rows), 2), np.uint64)
            hash_texts(*text_buffers(chosen if folded else _unified_lines(chosen)), folded, found)
            keys[rows] = found
    return keys


def _unified_lines(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Lines end in LF, without white space before it; no blank lines at the ends."""
    texts = texts.cast(pa.large_string())
    texts = pc.replace_substring_regex(texts, r"[ \t]*(?:\r\n?|\n)", "\n")
    return pc.utf8_ltrim(pc.utf8_rtrim(texts, " \t\n"), "\n")


def hash_part(workspace: Workspace, unit: Unit[HashPart]) -> Counts:
    """Scatters the text hashes of one part."""
    contenders, documents = read_contenders(workspace, unit.asked.contending, COLUMNS)
    keys, labels = document_keys(documents)
    return send_claims(workspace, unit, keys, contenders, labels)


HASH = Step(name="deduplicate.exact.hash", version=2, work=hash_part)  # 2: layouts, and all that a conversation teaches
RESOLVE = Step(name="deduplicate.exact.resolve", version=2, work=resolve)
DROP = Step(name="deduplicate.exact.drop", version=2, work=drop)


def plan(parts: Sequence[str], settings: ExactSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    steps = (HASH, RESOLVE, DROP)
    return plan_equal(STAGE, steps, parts, settings, earlier, rule="equal_text", threshold="equal text")
