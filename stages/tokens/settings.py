"""What a manifest may ask of tokenized conversations."""

from __future__ import annotations

from enum import StrEnum


class TooLong(StrEnum):
    """What becomes of a conversation that is longer than the longest sequence."""

    DROP = "drop"
    CUT = "cut"
    CONTINUE = "continue"


class Thinking(StrEnum):
    """Which of an assistant's reasoning stays in a conversation."""

    LATEST = "latest"
    ALL = "all"
