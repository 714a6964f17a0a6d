"""What is found is replaced in texts and in conversations, and nothing else changes."""

from __future__ import annotations

import json

import pyarrow as pa

from winnow.filters.personal_data import edit

TALK = {
    "messages": [
        {"role": "user", "content": 'Write to\nme@orchard-mail.net or "b@orchard-mail.net".'},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"name": "mail", "arguments": {"to": "c@orchard-mail.net", "n": 1}}],
        },
    ]
}


def test_conversations_stay_json_when_an_address_follows_an_escape() -> None:
    documents = pa.table({"text": ["a@orchard-mail.net", "x"], "messages": [json.dumps(TALK), None]})
    edited, _ = edit(documents)
    [talk, nothing] = edited["messages"].to_pylist()
    assert nothing is None
    first, second = json.loads(talk)["messages"]
    assert first["content"].startswith("Write to\n")
    assert "orchard-mail.net" not in talk + edited["text"][0].as_py()
    assert second["tool_calls"][0]["arguments"]["n"] == 1


def test_a_conversation_without_findings_keeps_its_bytes() -> None:
    text = json.dumps({"messages": [{"role": "user", "content": "nobody"}]})
    edited, _ = edit(pa.table({"text": ["nobody"], "messages": [text]}))
    assert edited["messages"].to_pylist() == [text]
