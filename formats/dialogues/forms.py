"""Published forms that are another dialect under other names: one table, in which a new form is one line.

`docs/extending.md` shows the table. A form is looked for where a record has the fields of no dialect; the first whose
fields are all there gives the mapping of columns that a profile could also have named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Form(NamedTuple):
    """Who publishes so, and the fields of a dialect with the columns that hold them."""

    publishers: str
    columns: Mapping[str, str]


FORMS: tuple[Form, ...] = (
    Form("LLaMA-Factory v1", {"chosen": "chosen_messages", "rejected": "rejected_messages"}),
    Form("NVIDIA's and others' viewers", {"messages": "messages_display"}),
    Form("BELLE's evaluation", {"instruction": "question", "output": "std_answer"}),
    Form("Open-Orca", {"instruction": "question", "output": "response", "system": "system_prompt"}),
    Form("MetaMathQA, ms-swift", {"instruction": "query", "output": "response"}),
    Form("UltraFeedback's and others' pairs", {"instruction": "prompt", "output": "response"}),
    Form("UltraChat", {"messages": "data"}),
    Form("SWE-agent, OpenHands", {"messages": "trajectory"}),
)


def renamed(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record under the names of its dialect; None for one that has no form of the table."""
    for form in FORMS:
        if all(record.get(column) is not None for column in form.columns.values()):
            if "messages" in form.columns and not isinstance(record[form.columns["messages"]], list | str):
                continue
            taken = set(form.columns.values())
            kept = {name: value for name, value in record.items() if name not in taken}
            return kept | {field: record[column] for field, column in form.columns.items()}
    return None
