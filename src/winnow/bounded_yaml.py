"""YAML with bounds: on nesting, and on how many nodes it comes to once its aliases are written out.

Nine lines of aliases to aliases mean a thousand million nodes, which whoever walks the result pays for. Everything that
Winnow reads as YAML is read by this loader: manifests, profiles, options, and the configuration of documentation.
"""

from __future__ import annotations

from typing import Any

import yaml

DEEPEST = 100
MOST_NODES = 1_000_000


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader that raises `yaml.YAMLError` where a bound is passed, or a node holds itself."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = self._nodes = 0
        self._counted: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"nested more than {DEEPEST} deep", mark)
        before = self._nodes
        node = super().compose_node(parent, index)
        if not isinstance(event, yaml.AliasEvent):
            self._nodes += 1
            self._counted[id(node)] = self._nodes - before
        elif id(node) in self._counted:
            self._nodes += self._counted[id(node)]
        else:
            raise yaml.composer.ComposerError(None, None, f"*{event.anchor} holds itself", mark)
        if self._nodes > MOST_NODES:
            raise yaml.composer.ComposerError(
                None, None, f"more than {MOST_NODES:,} nodes, with aliases written out", mark
            )
        self._depth -= 1
        return node


def load(text: str) -> Any:
    """The plain values of a document. Raises `yaml.YAMLError`."""
    return yaml.load(text, Loader=BoundedLoader)
