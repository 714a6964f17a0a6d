"""YAML within bounds: what PyYAML reads is read alike, bombs are refused before they cost anything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow import bounded_yaml
from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.configuration.reading import ConfigurationError, read_model

ROOT = Path(__file__).parents[1]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def bomb(levels: int, wide: int = 9) -> str:
    lines = ["a0: &a0 [x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * wide)}]" for n in range(1, levels)]
    return "\n".join(lines)


@settings(max_examples=60)
@given(VALUES)
def test_reads_as_pyyaml_does(value: object) -> None:
    assert bounded_yaml.load(yaml.safe_dump(value)) == value


def test_aliases_and_merged_keys_within_bounds_are_read() -> None:
    text = "base: &b {x: 1, y: [1, 2]}\nmine: {<<: *b, z: *b}\n" + bomb(4)
    assert bounded_yaml.load(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bomb(9), "1,000,000 nodes"),
        (bomb(2000, 2), "1,000,000 nodes"),
        ("x: " + "[" * 5_000, "100 deep"),
        ("\n".join(" " * n + "k:" for n in range(150)), "100 deep"),
        ("- " * 5000, "100 deep"),
        ("a: &a [*a]", "holds itself"),
        ("a: &a {b: {<<: *a}}", "holds itself"),
    ],
)
def test_bombs_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(yaml.YAMLError, match=reason):
        bounded_yaml.load(text)
    profile = tmp_path / "bomb.yaml"
    profile.write_text(text)
    with pytest.raises(ConfigurationError, match=reason):
        read_model(profile, Profile)


def test_no_other_loader_is_used() -> None:
    found = []
    for folder in ("pipeline", "stages", "formats", "filters", "tokenizer", "trainer"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text("utf-8")
            if "yaml" in source and path.name != "bounded_yaml.py":
                calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
                found += [
                    f"{path.name}:{call.lineno}"
                    for call in calls
                    if ast.unparse(call.func) in ("yaml.load", "yaml.safe_load", "yaml.full_load", "yaml.unsafe_load")
                ]
    assert found == []
