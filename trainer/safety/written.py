"""What users write for `winnow-train safety`: YAML, of sets of prompts and of rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from winnow import bounded_yaml
from winnow.trainer.config import TrainingError


def read_yaml(path: Path) -> Any:
    """The plain values of a file. Raises `TrainingError` where it can't be read."""
    try:
        return bounded_yaml.load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"{path} can't be read: {error}") from error
