"""The graph of steps as SVG: layers from left to right, few crossings, folds in large graphs.

The layers are those of the longest path. Within a layer, nodes are ordered by the mean place of
their neighbours, in a few sweeps. An edge over several layers passes between the nodes of each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

from stepgres._dashboard.render import status_word, symbol, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 176, 42  # of a node
_GAP_X, _GAP_Y = 56, 16
_BEND = 14  # the height that an edge has between the nodes of a layer
_MARGIN = 14
_SWEEPS = 6
_MOST = 120  # nodes without folds
_MOST_KEPT = 40  # nodes that are shown beside folds
_MOST_IN_LAYER = 25
_ROOM = _WIDTH - 31  # for texts
_BUSY = ("failed", "waiting", "started", "queued")


@dataclass(frozen=True)
class Node:
    """A node: a step, a task, or a fold of many. done and bad are parts of total, for a bar."""

    key: str
    label: str
    status: str
    after: Sequence[str] = ()
    note: str = ""
    href: str = ""
    title: str = ""
    total: int = 0
    done: int = 0
    bad: int = 0
    is_fold: bool = False


@dataclass
class _Place:
    """A place in a layer: of a node, or of an edge that passes through the layer."""

    key: str
    layer: int
    node: Node | None = None
    before: list[_Place] = field(default_factory=list)
    behind: list[_Place] = field(default_factory=list)
    y: float = 0.0

    @property
    def height(self) -> int:
        return _BEND if self.node is None else _HEIGHT


def draw(
    nodes: Sequence[Node], label: str, focus: str | None = None, fold_href: str = ""
) -> Markup:
    """Return the SVG of a graph. A large graph shows what is busy, or what is near focus.

    fold_href is the address that a fold leads to, with {} in place of its first node.
    """
    layers = layers_of(nodes)
    shown = nodes if len(nodes) <= _MOST else fold(nodes, layers, focus, fold_href)
    if not shown:
        return Markup("")
    columns, edges = _arrange(shown)
    _straighten(columns)
    height = max(p.y + p.height for column in columns for p in column) + _MARGIN
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    parts = [_edge(path) for path in edges]
    parts += [_box(p.node, _x(p), p.y) for column in columns for p in column if p.node is not None]
    return Markup(
        '<svg role="group" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">{}</svg>'
    ).format(label, width, round(height), width, round(height), Markup("").join(parts))


def layers_of(nodes: Sequence[Node]) -> dict[str, int]:
    """Return the layer of each node: 0, or one more than that of the last node before it."""
    known = {node.key: node for node in nodes}
    behind = defaultdict(list)
    left = {}
    for node in nodes:
        before = [key for key in dict.fromkeys(node.after) if key in known]
        left[node.key] = len(before)
        for key in before:
            behind[key].append(node.key)
    layers = {key: 0 for key, number in left.items() if number == 0}
    ready = list(layers)
    for key in ready:
        for next in behind[key]:
            layers[next] = max(layers.get(next, 0), layers[key] + 1)
            left[next] -= 1
            if left[next] == 0:
                ready.append(next)
    return layers


def fold(
    nodes: Sequence[Node], layers: dict[str, int], focus: str | None, fold_href: str = ""
) -> list[Node]:
    """Return the nodes that matter, and folds that stand for the others.

    Layers without a node that matters are one fold, as far as they follow each other. The other
    nodes of a layer are one fold.
    """
    kept = _kept(nodes, layers, focus)
    lasts = {layers[key] for key in kept}
    names: dict[str, str] = {}
    folded: dict[str, list[Node]] = defaultdict(list)
    band = 0
    for layer, members in sorted(_by_layer(nodes, layers).items()):
        band += layer in lasts or layer - 1 in lasts
        for node in members:
            name = node.key if node.key in kept else f"fold {band}"
            names[node.key] = name
            if name != node.key:
                folded[name].append(node)
    after: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        name = names[node.key]
        after[name] += [names[key] for key in node.after if names.get(key, name) != name]
    found = [
        Node(**{**vars(node), "after": list(dict.fromkeys(after[node.key]))})
        for node in nodes
        if node.key in kept
    ]
    for name, members in folded.items():
        counts = Counter(node.status for node in members)
        words = ", ".join(
            f"{number:,} {status_word(word)}" for word, number in counts.most_common()
        )
        found.append(
            Node(
                name,
                f"{len(members):,} {'step' if len(members) == 1 else 'steps'}",
                next((word for word in _BUSY if counts[word]), counts.most_common(1)[0][0]),
                list(dict.fromkeys(after[name])),
                " ".join(f"{symbol(word)} {number:,}" for word, number in counts.most_common(4)),
                fold_href.format(members[0].key),
                f"{members[0].label} to {members[-1].label}: {words}",
                len(members),
                counts["completed"],
                counts["failed"],
                is_fold=True,
            )
        )
    return found


def _kept(nodes: Sequence[Node], layers: dict[str, int], focus: str | None) -> set[str]:
    known = {node.key: node for node in nodes}
    near: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        for key in node.after:
            if key in known:
                near[node.key].append(key)
                near[key].append(node.key)
    if focus in known:
        seeds = [str(focus)]
    else:
        seeds = [node.key for word in _BUSY for node in nodes if node.status == word]
        last = max(layers.values())
        seeds += [key for key, layer in layers.items() if layer == 0][:3]
        seeds += [key for key, layer in layers.items() if layer == last][:3]
    kept = dict.fromkeys(seeds[: _MOST_KEPT // 2])
    ring = list(kept)
    while ring and len(kept) < _MOST_KEPT:
        ring = [n for key in ring for n in near[key][:_MOST_KEPT] if n not in kept]
        for key in ring[: _MOST_KEPT - len(kept)]:
            kept[key] = None
        if focus not in known:
            break  # the neighbours of what is busy are enough
    return set(kept)


def _by_layer(nodes: Sequence[Node], layers: dict[str, int]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        found[layers[node.key]].append(node)
    return found


def _arrange(nodes: Sequence[Node]) -> tuple[list[list[_Place]], list[list[_Place]]]:
    """Return the columns with their places in order, and the edges as chains of places."""
    layers = layers_of(nodes)
    places = {node.key: _Place(node.key, layers[node.key], node) for node in nodes}
    columns: list[list[_Place]] = [[] for _ in range(max(layers.values()) + 1)]
    for place in places.values():
        columns[place.layer].append(place)
    edges = []
    for node in nodes:
        end = places[node.key]
        for key in dict.fromkeys(node.after):
            if key not in places:
                continue
            path = [places[key]]
            for layer in range(places[key].layer + 1, end.layer):
                bend = _Place(f"{key} {node.key}", layer)
                columns[layer].append(bend)
                path.append(bend)
            path.append(end)
            for one, other in pairwise(path):
                one.behind.append(other)
                other.before.append(one)
            edges.append(path)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            _sort(columns, column, forward=forward)
    return columns, edges


def _sort(columns: list[list[_Place]], column: list[_Place], *, forward: bool) -> None:
    place_in = {id(p): i for other in columns for i, p in enumerate(other)}

    def mean(place: _Place) -> float:
        near = place.before if forward else place.behind
        if not near:
            return place_in[id(place)]
        return sum(place_in[id(p)] for p in near) / len(near)

    column.sort(key=mean)


def _straighten(columns: list[list[_Place]]) -> None:
    """Give each place its y: near the mean of its neighbours, and below the place before it."""
    for column in columns:
        y = float(_MARGIN)
        for place in column:
            place.y = y
            y += place.height + _GAP_Y
    for sweep in range(8):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wished = []
            for place in column:
                near = (place.before if sweep % 2 == 0 else place.behind) or [place]
                middle = sum(p.y + p.height / 2 for p in near) / len(near)
                wished.append(middle - place.height / 2)
            _spread(column, wished)
    top = min(p.y for column in columns for p in column) - _MARGIN
    for column in columns:
        for place in column:
            place.y = round(place.y - top, 1)


def _spread(column: list[_Place], wished: list[float]) -> None:
    """Place a column as near to its wishes as possible, in its order and without overlap."""
    blocks: list[list[float]] = []  # [sum of wishes of the top, number, height]
    sizes: list[int] = []
    for place, wish in zip(column, wished, strict=True):
        blocks.append([wish, 1, place.height + _GAP_Y])
        sizes.append(1)
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] + blocks[-2][2] > (
            blocks[-1][0] / blocks[-1][1]
        ):
            total, number, height = blocks.pop()
            # the wishes of the lower block, as wishes of the top of both
            blocks[-1][0] += total - number * blocks[-1][2]
            blocks[-1][1] += number
            blocks[-1][2] += height
            last = sizes.pop()
            sizes[-1] += last
    index = 0
    for (total, number, _), size in zip(blocks, sizes, strict=True):
        y = total / number
        for place in column[index : index + size]:
            place.y = y
            y += place.height + _GAP_Y
        index += size


def _x(place: _Place) -> int:
    return _MARGIN + place.layer * (_WIDTH + _GAP_X)


def _edge(path: list[_Place]) -> Markup:
    x, y = _x(path[0]) + _WIDTH, path[0].y + path[0].height / 2
    words = [f"M{x} {y:.1f}"]
    for place in path[1:]:
        to_x, to_y = _x(place), place.y + place.height / 2
        half = (x + to_x) // 2
        words.append(f"C{half} {y:.1f} {half} {to_y:.1f} {to_x} {to_y:.1f}")
        x, y = to_x, to_y
        if place.node is None:
            x += _WIDTH
            words.append(f"H{x}")
    end = path[-1].node
    is_idle = end is not None and end.status in {"created", "skipped", "cancelled"}
    return Markup('<path class="edge{}" d="{}"/>').format(
        " idle" if is_idle else "", " ".join(words)
    )


def _fitting(text: str, room: float) -> str:
    """Return as much of a text as fits; room is a multiple of the size of the font."""
    ends = list(accumulate(_width_of(letter) for letter in text))
    if not ends or ends[-1] <= room:
        return text
    return text[: sum(end <= room - 0.9 for end in ends)] + "…"


def _width_of(letter: str) -> float:
    """Return about how wide a letter is in wide fonts."""
    if not letter.isascii() or letter in "mwMW@%":
        return 1.0
    return 0.4 if letter in "ijlftrI.,:;'|!()[] " else 0.78 if letter.isupper() else 0.64


def _box(node: Node, x: float, y: float) -> Markup:
    title = node.title or f"{node.label}: {status_word(node.status)}"
    has_bar = node.total > 1
    label = _fitting(visible(node.label), _ROOM / 12)
    note = _fitting(visible(node.note or status_word(node.status)), _ROOM / 11)
    parts = [
        Markup("<title>{}</title>").format(visible(title)[:500]),
        Markup('<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="5"/>').format(
            x, y, _WIDTH, _HEIGHT
        ),
        Markup('<text class="mark" x="{}" y="{}">{}</text>').format(
            x + 8, y + 17, symbol(node.status)
        ),
        Markup('<text x="{}" y="{}">{}</text>').format(x + 25, y + 17, label),
        Markup('<text class="note" x="{}" y="{}">{}</text>').format(x + 25, y + 32, note),
    ]
    if has_bar:
        room = _WIDTH - 8
        done = round(room * node.done / node.total, 1)
        bad = round(room * node.bad / node.total, 1)
        for name, start, width in (
            ("", 0.0, float(room)),
            (" done", 0.0, done),
            (" bad", done, bad),
        ):
            if width > 0:
                parts.append(
                    Markup('<rect class="bar{}" x="{}" y="{}" width="{}" height="4"/>').format(
                        name, x + 4 + start, y + _HEIGHT - 5, width
                    )
                )
    group = Markup('<g class="node {}{}">{}</g>').format(
        node.status, " fold" if node.is_fold else "", Markup("").join(parts)
    )
    return Markup('<a href="{}">{}</a>').format(node.href, group) if node.href else group
