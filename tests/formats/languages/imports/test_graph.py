"""Orders of a repository's graph: against a slow oracle on random graphs, and on cycles worked out by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.languages.imports import read
from winnow.formats.languages.imports.drawing import draw
from winnow.formats.languages.imports.graph import Graph, Policy, build
from winnow.formats.languages.imports.rank import Rank, rank


def graph_of(names: list[str], edges: set[tuple[str, str]]) -> Graph:
    paths = tuple(sorted(names))
    index = {path: i for i, path in enumerate(paths)}
    table = sorted((index[a], index[b]) for a, b in edges)
    return Graph(paths, np.array(table, dtype=np.int32).reshape(-1, 2), tuple(rank(path) for path in paths))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    names = [f"{draw(st.sampled_from(['src', 'tests', 'lib/deep']))}/f{i:02}.py" for i in range(count)]
    node = st.integers(0, count - 1)
    pairs = draw(st.sets(st.tuples(node, node), max_size=30))
    return graph_of(names, {(names[a], names[b]) for a, b in pairs if a != b})


def reachable(graph: Graph) -> np.ndarray:
    """By repeated squaring of the adjacency matrix."""
    reach = np.eye(len(graph.paths), dtype=bool)
    reach[graph.edges[:, 0], graph.edges[:, 1]] = True
    for _ in range(5):
        reach = reach @ reach
    return reach


@given(graphs())
def test_components_are_the_classes_of_mutual_reach(graph: Graph) -> None:
    reach = reachable(graph)
    mutual = reach & reach.T
    expected = {tuple(np.flatnonzero(row).tolist()) for row in mutual}
    assert {tuple(members) for members in graph.components} == expected
    assert sorted(file for members in graph.components for file in members) == list(range(len(graph.paths)))


@given(graphs())
def test_every_edge_outside_cycles_is_respected(graph: Graph) -> None:
    order = graph.order(Policy.DEPENDENCY)
    assert sorted(order.tolist()) == list(range(len(graph.paths)))
    place = {file: i for i, file in enumerate(order.tolist())}
    reach = reachable(graph)
    acyclic = [(a, b) for a, b in graph.edges.tolist() if not reach[b, a]]
    assert all(place[b] < place[a] for a, b in acyclic)
    said = graph.evidence(order)
    assert (said.edges, said.acyclic, said.acyclic_respected) == (len(graph.edges), len(acyclic), len(acyclic))
    assert said.respected == sum(place[b] < place[a] for a, b in graph.edges.tolist())
    assert said.share == 1.0


@given(graphs())
def test_the_files_of_a_cycle_stay_together_the_smallest_path_first(graph: Graph) -> None:
    order = graph.order(Policy.DEPENDENCY).tolist()
    for members in graph.cycles:
        places = sorted(order.index(file) for file in members)
        assert places == list(range(places[0], places[0] + len(members)))
        assert order[places[0]] == min(members, key=lambda file: graph.paths[file])


def ordered(graph: Graph) -> list[str]:
    return [graph.paths[file] for file in graph.order(Policy.DEPENDENCY)]


def test_front_matter_comes_first_and_tests_last_where_nothing_depends_on_them() -> None:
    graph = graph_of(
        ["README.md", "setup.py", "app/b.py", "app/a.py", "tests/test_a.py", "tests/tools.py", "zoo.py"],
        {("tests/test_a.py", "app/a.py"), ("tests/test_a.py", "tests/tools.py"), ("app/a.py", "app/b.py")},
    )
    expected = ["README.md", "setup.py", "app/b.py", "app/a.py", "zoo.py", "tests/tools.py", "tests/test_a.py"]
    assert ordered(graph) == expected


def test_a_cycle_of_three_begins_with_its_smallest_path_and_goes_on_by_need() -> None:
    edges = {("b.py", "c.py"), ("c.py", "d.py"), ("d.py", "b.py"), ("a.py", "b.py"), ("d.py", "e.py")}
    graph = graph_of(["a.py", "b.py", "c.py", "d.py", "e.py"], edges)
    assert ordered(graph) == ["e.py", "b.py", "d.py", "c.py", "a.py"]
    assert [[graph.paths[file] for file in members] for members in graph.cycles] == [["b.py", "c.py", "d.py"]]
    said = graph.evidence(graph.order(Policy.DEPENDENCY))
    assert (said.edges, said.respected, said.acyclic, said.share) == (5, 4, 2, 1.0)


def test_path_order_is_depth_first_and_random_order_follows_the_seed_and_the_name() -> None:
    graph = graph_of(["b/x.py", "b-c/y.py", "a.py", "b/c/z.py"], set())
    assert [graph.paths[file] for file in graph.order(Policy.PATH)] == ["a.py", "b/c/z.py", "b/x.py", "b-c/y.py"]
    orders = {tuple(graph.order(Policy.RANDOM, seed=seed, name=name)) for seed in range(20) for name in "xy"}
    assert len(orders) > 10
    again = graph.order(Policy.RANDOM, seed=7, name="x")
    assert again.tolist() == graph.order(Policy.RANDOM, seed=7, name="x").tolist()


def test_a_chain_of_many_files_needs_no_recursion() -> None:
    names = [f"{i:06}.py" for i in range(20_000)]
    chain = {(names[i], names[i + 1]) for i in range(len(names) - 1)}
    assert ordered(graph_of(names, chain)) == names[::-1]
    ring = graph_of(names, chain | {(names[-1], names[0])})
    assert len(ring.cycles) == 1
    assert ordered(ring) == [names[0], *names[:0:-1]]


def test_a_dropped_manifest_informs_the_graph_and_is_not_in_it() -> None:
    files = {"go.mod": b"module x.io/m\n", "a.go": b'package a\nimport "x.io/m/b"\n', "b/b.go": b"package b\n"}
    languages = {"go.mod": "Go Module", "a.go": "Go", "b/b.go": "Go"}
    graph = build([read(text, path, languages[path]) for path, text in files.items()], {"go.mod": False})
    assert graph.paths == ("a.go", "b/b.go")
    assert graph.edges.tolist() == [[0, 1]]


def test_an_empty_repository_has_an_empty_order() -> None:
    graph = build([])
    assert graph.order(Policy.DEPENDENCY).tolist() == []
    assert graph.evidence(graph.order(Policy.PATH)).share == 1.0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.rst", Rank.FRONT),
        ("pkg/Cargo.toml", Rank.FRONT),
        ("LICENSE-MIT", Rank.FRONT),
        ("licenses.py", Rank.SOURCE),
        ("src/latest/x.go", Rank.SOURCE),
        ("src/x_test.go", Rank.TEST),
        ("src/test/java/A.java", Rank.TEST),
        ("web/a.spec.ts", Rank.TEST),
        ("tests/README.md", Rank.TEST),
        ("Shop.Tests/CartTests.cs", Rank.TEST),
        ("contest/a.py", Rank.SOURCE),
    ],
)
def test_ranks_follow_from_paths(path: str, expected: Rank) -> None:
    assert rank(path) is expected


def test_the_drawing_is_one_well_formed_page_that_refers_to_nothing_outside_it() -> None:
    graph = graph_of(["a<b>.py", "b.py", "c&d/e.py"], {("a<b>.py", "b.py"), ("b.py", "a<b>.py"), ("b.py", "c&d/e.py")})
    page = draw(graph, graph.order(Policy.DEPENDENCY), "<shop>")
    assert "http" not in page and "src=" not in page
    picture = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    assert len(picture.findall("path")) == 3
    assert len(picture.findall("path[@class='back']")) == 1
    assert ["".join(text.itertext()) for text in picture.findall("text")] == [
        "c&d/e.pyc&d/e.py",
        "a<b>.pya<b>.py",
        "b.pyb.py",
    ]
