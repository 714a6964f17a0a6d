"""A repository's graph as an arc diagram in one self-contained page.

The files stand one under the other in reading order. An edge is an arc from a file to what it depends on: to the right
where the dependency comes first, to the left, in red, where a cycle made that impossible. Pointing at a file shows its
own edges alone.
"""

from __future__ import annotations

import hashlib
import html

import numpy as np
import numpy.typing as npt

from winnow.formats.languages.imports.graph import Graph

ROW = 15  # pixels between two files
LABELS = 460  # where the names end and the arcs begin
ARCS = 420  # the widest arc
MAXIMAL_EDGES = 30_000  # a page with more arcs is no drawing any more; the longest are left out

_STYLE = """ :root { color-scheme: light dark; --ink: #1f2430; --paper: #fbfaf7; --faint: #8a8f99; --arc: #3c6e9f;
--back: #c2453b; } @media (prefers-color-scheme: dark) { :root { --ink: #e4e2dc; --paper: #16181d; --faint: #787d88;
--arc: #7fb2e5; --back: #ef7d72; } } body { margin: 2rem; background: var(--paper); color: var(--ink); font: 13px/1.4
ui-sans-serif, system-ui, sans-serif; } h1 { font-size: 1.1rem; font-weight: 600; margin: 0; } p { color: var(--faint);
margin: .2rem 0 1.2rem; max-width: 60rem; } text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill:
var(--ink); text-anchor: end; cursor: default; } text tspan { fill: var(--faint); } circle { stroke: var(--paper); }
path { fill: none; stroke: var(--arc); stroke-width: 1; opacity: .38; } path.back { stroke: var(--back); opacity: .6; }
svg.one path { opacity: .03; } svg.one path.on { opacity: 1; stroke-width: 1.8; } svg.one text.on { font-weight: 700; }
"""
_SCRIPT = """ const svg = document.querySelector('svg'), arcs = [...svg.querySelectorAll('path')], names =
[...svg.querySelectorAll('text')]; svg.addEventListener('pointerover', event => { const file = event.target.dataset.f;
if (file === undefined) return; svg.classList.add('one'); names.forEach(name => name.classList.toggle('on',
name.dataset.f === file)); arcs.forEach(arc => { const on = arc.dataset.a === file || arc.dataset.b === file;
arc.classList.toggle('on', on); if (on) names.forEach(name => { if (name.dataset.f === arc.dataset.a || name.dataset.f
=== arc.dataset.b) name.classList.add('on'); }); }); }); svg.addEventListener('pointerleave', () => {
svg.classList.remove('one'); names.forEach(name => name.classList.remove('on')); });
"""


def draw(graph: Graph, order: npt.NDArray[np.int64], title: str) -> str:
    """The page, as HTML. `order` holds indices into `graph.paths`."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    edges = place[graph.edges]
    shown = edges[np.argsort(np.abs(edges[:, 0] - edges[:, 1]), kind="stable")[:MAXIMAL_EDGES]]
    said = graph.evidence(order)
    height = ROW * (len(order) + 2)
    parts = [_arc(int(a), int(b), len(order)) for a, b in shown.tolist()]
    parts += [_file(i, graph.paths[file]) for i, file in enumerate(order.tolist())]
    summary = (
        f"{len(order)} files, {said.edges} edges, {len(graph.cycles)} cycles. Arcs to the right: what a file needs "
        f"stands above it ({said.respected}). Arcs to the left, in red: below it ({said.edges - said.respected})."
    )
    if len(shown) < len(edges):
        summary += f" The {len(edges) - len(shown)} longest arcs are not drawn."
    name = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        f'<h1>{name}</h1><p>{summary}</p><svg width="{LABELS + ARCS + 40}" height="{height}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg><script>{_SCRIPT}</script></html>\n'
    )


def _arc(dependent: int, dependency: int, files: int) -> str:
    """An arc between two rows, the wider the farther they are apart."""
    first, last = ROW * (dependency + 1.5), ROW * (dependent + 1.5)
    forward = dependency < dependent
    distance = abs(dependent - dependency) / max(files, 2)
    width = (ARCS if forward else LABELS * 0.35) * distance**0.5
    start = LABELS + 8
    bend = start + width if forward else start - width
    kind = "" if forward else ' class="back"'
    return (
        f'<path{kind} data-a="{dependent}" data-b="{dependency}" '
        f'd="M{start} {last:g}C{bend:.0f} {last:g} {bend:.0f} {first:g} {start} {first:g}"/>'
    )


def _file(row: int, path: str) -> str:
    folder, slash, name = path.rpartition("/")
    height = ROW * (row + 1.5)
    if len(path) > 66:
        folder = "…" + folder[len(folder) - max(66 - len(name), 0) :] if len(name) < 66 else "…"
    return (
        f'<circle cx="{LABELS + 8}" cy="{height:g}" r="3" fill="{_colour(path)}"/>'
        f'<text x="{LABELS}" y="{height + 4:g}" data-f="{row}"><title>{html.escape(path)}</title>'
        f"<tspan>{html.escape(folder + slash)}</tspan>{html.escape(name)}</text>"
    )


def _colour(path: str) -> str:
    """A hue for every top folder, the same in every drawing."""
    top = path.partition("/")[0] if "/" in path else ""
    hue = int.from_bytes(hashlib.blake2b(top.encode("utf-8", "replace"), digest_size=2).digest(), "little") % 360
    return f"hsl({hue} 55% 52%)"
