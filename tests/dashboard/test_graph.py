"""The layout of graphs: nothing overlaps, edges lead to the right, large graphs fold."""

from __future__ import annotations

import random
import re
from itertools import combinations

import pytest

from stepgres._dashboard import graph
from stepgres._dashboard.graph import Node


def random_nodes(number: int, seed: int = 1, reach: int = 9) -> list[Node]:
    """Steps of which each depends on some of the steps before it."""
    chance = random.Random(seed)
    nodes = [Node("s0", "s0", "completed")]
    for i in range(1, number):
        after = {f"s{chance.randrange(max(0, i - reach), i)}" for _ in range(chance.randint(1, 3))}
        status = chance.choice(["completed", "started", "created", "failed", "skipped"])
        nodes.append(Node(f"s{i}", f"s{i}", status, sorted(after)))
    return nodes


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """The left, top, right and bottom of each node."""
    found = re.findall(
        r'class="box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg
    )
    return [(float(x), float(y), float(x) + float(w), float(y) + float(h)) for x, y, w, h in found]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_overlaps_and_all_is_inside(seed: int) -> None:
    svg = str(graph.draw(random_nodes(60, seed), "steps"))
    placed = boxes(svg)
    assert len(placed) == 60
    for a, b in combinations(placed, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)
    width, height = map(int, re.findall(r' width="(\d+)" height="(\d+)" viewBox', svg)[0])
    assert all(x >= 0 and y >= 0 and r <= width and b <= height for x, y, r, b in placed)


def test_edges_lead_to_the_right() -> None:
    nodes = random_nodes(60)
    layers = graph.layers_of(nodes)
    assert all(layers[a] < layers[node.key] for node in nodes for a in node.after)
    for path in re.findall(r'class="edge[^"]*" d="([^"]+)"', str(graph.draw(nodes, "steps"))):
        parts = [(word[0], word[1:].split()) for word in re.findall("[MCH][^MCH]+", path)]
        xs = [float(numbers[-1 if command == "H" else -2]) for command, numbers in parts]
        assert xs == sorted(xs)


def test_layers_have_few_crossings() -> None:
    """Two chains side by side do not cross, in whatever order their steps are named."""
    nodes = [Node("a0", "a0", "created"), Node("b0", "b0", "created")]
    for i in range(1, 8):
        pair = [Node(f"{c}{i}", f"{c}{i}", "created", [f"{c}{i - 1}"]) for c in "ab"]
        nodes += pair if i % 2 else pair[::-1]
    svg = str(graph.draw(nodes, "steps"))
    pattern = r'class="box" x="\d+" y="([\d.]+)".*?<text x[^>]*>(\w+)<'
    tops = {name: float(top) for top, name in re.findall(pattern, svg)}
    assert len(tops) == 16
    assert len({tops[f"a{i}"] < tops[f"b{i}"] for i in range(8)}) == 1


@pytest.mark.parametrize("reach", [1, 60, 999])
def test_graph_of_1000_steps_folds(reach: int) -> None:
    nodes = random_nodes(1000, reach=reach)
    layers = graph.layers_of(nodes)
    shown = graph.fold(nodes, layers, None)
    assert len(shown) <= 90
    folded = sum(node.total for node in shown if node.is_fold)
    assert folded + sum(not node.is_fold for node in shown) == 1000
    known = {node.key for node in shown}
    assert all(key in known and key != node.key for node in shown for key in node.after)
    assert set(graph.layers_of(shown)) == known, "the folds make no circle"
    assert len(boxes(str(graph.draw(nodes, "steps")))) == len(shown)


def test_fold_shows_what_is_near_the_focus() -> None:
    nodes = [Node("s0", "s0", "completed")]
    nodes += [Node(f"s{i}", f"s{i}", "completed", [f"s{i - 1}"]) for i in range(1, 500)]
    svg = str(graph.draw(nodes, "steps", "s250", "/run?focus={}"))
    assert {f">s{i}<" in svg for i in range(245, 256)} == {True}
    assert ">s100<" not in svg
    assert 'href="/run?focus=s0"' in svg


def test_layout_of_a_long_chain_and_a_wide_layer_takes_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither recursion nor work that grows with the square of the steps."""
    chain = [Node(f"s{i}", "s", "created", [f"s{i - 1}"] if i else []) for i in range(10_000)]
    wide = [Node("s0", "s", "created")]
    wide += [Node(f"s{i}", "s", "created", ["s0"]) for i in range(1, 10_000)]
    calls = 0
    spread = graph._spread

    def counting(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        spread(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(graph, "_spread", counting)
    for nodes in (chain, wide):
        assert len(boxes(str(graph.draw(nodes, "steps")))) < 100
    assert calls < 2_000


def test_status_is_more_than_a_colour() -> None:
    svg = str(graph.draw([Node("a", "a", "failed"), Node("b", "b", "skipped", ["a"])], "steps"))
    assert "✗" in svg
    assert "skipped" in svg


def test_map_is_one_node_with_a_bar() -> None:
    svg = str(graph.draw([Node("m", "m", "started", total=10, done=4, bad=1)], "steps"))
    assert len(boxes(svg)) == 1
    widths = [float(w) for w in re.findall(r'class="bar[^"]*"[^>]* width="([\d.]+)"', svg)]
    assert widths == pytest.approx([168, 67.2, 16.8])
