"""Questions as they leave: under opaque names, numbered anew, and without what tells where they are from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.publish.faults import closed_label_sources, open_label_sources, published_rules, published_version
from neuroonco.publish.key import Key


@dataclass
class Part:
    """Questions that leave in the same way, under their published names.

    Attributes:
        closed, open: the questions.
        twins: pairs: closed questions once more, under the same indices, and their twins.
    """

    closed: list[ClosedItem] = field(default_factory=list)
    twins: list[ClosedItem] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)


def image_name(slice_id: str, key: Key) -> str:
    """Published name of a slice's picture."""
    return key.name("benchmark image", slice_id)


def path_of(name: str) -> str:
    """Its path in the package."""
    return f"images/{name}.png"


def group_name(group_id: str | None, key: Key) -> str | None:
    """Published name of a group; None where there is none."""
    return None if group_id is None else key.name("benchmark group", group_id)


def renamed(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    slices: set[str],
    key: Key,
    twins: Sequence[ClosedItem] = (),
) -> Part:
    """The questions about some slices as published, ordered by name, and numbered anew within each image.

    Args:
        closed, opened: of the benchmark.
        slices: the ones that leave in this way.
        key: of the names.
        twins: of closed questions, for the file of pairs; they are numbered on from the last question of the image.
    """
    part = Part()
    by_slice = _of_slices(closed, slices)
    twins_of = _of_slices(twins, slices)
    for slice_id, items in by_slice.items():
        items.sort(key=lambda one: one.q_index)
        there = {one.q_index for one in items if one.twin_of is None}
        kept = [one for one in items if one.twin_of is None or one.twin_of in there]
        apart = sorted(twins_of.get(slice_id, ()), key=lambda one: one.q_index)
        repeated = {one.twin_of for one in apart}
        place = {one.q_index: number for number, one in enumerate([*kept, *apart])}
        part.closed += [_placed(one, place, key) for one in kept]
        paired = [one for one in kept if one.q_index in repeated]
        part.twins += [_placed(one, place, key) for one in (*paired, *apart)]
    count: dict[str, int] = {}
    for question in opened:
        if question.slice_id in slices:
            count[question.slice_id] = count.get(question.slice_id, 0) + 1
            name = image_name(question.slice_id, key)
            numbered = {
                "question_id": f"{name}_q{count[question.slice_id]}",
                "group_id": group_name(question.group_id, key),
            }
            part.open.append(question.model_copy(update=_published_fields(question, key) | numbered))
    for named in (part.closed, part.twins):
        named.sort(key=lambda one: (one.image_id, one.q_index))
    part.open.sort(key=lambda one: one.image_id)  # stable: an image's own questions keep their order
    return part


def _of_slices(items: Sequence[ClosedItem], slices: set[str]) -> dict[str, list[ClosedItem]]:
    found: dict[str, list[ClosedItem]] = {}
    for item in items:
        if item.slice_id in slices:
            found.setdefault(item.slice_id, []).append(item)
    return found


def _placed(item: ClosedItem, place: Mapping[int, int], key: Key) -> ClosedItem:
    """A question as published, under its new index among those of its image."""
    own = {
        "q_index": place[item.q_index],
        "twin_of": None if item.twin_of is None else place[item.twin_of],
        "group_id": group_name(item.group_id, key),
    }
    return item.model_copy(update=_published_fields(item, key) | own)


def _published_fields(item: ClosedItem | OpenItem, key: Key) -> dict[str, object]:
    """What every question is given, and what is taken from it.

    The source goes because many collections hold one class. The seed goes because with it and the slice ids of the
    collections this package would tell which slice each name stands for, then letter and rejection.
    """
    name = image_name(item.slice_id, key)
    return {
        "image_id": name,
        "slice_id": name,
        "image_path": path_of(name),
        "image_channel": None,
        "image_slice": None,
        "source_id": None,
        "seed": None,
        "rules": published_rules(item.rules),
        "version": published_version(item.version),
    }


def level_label_sources(*parts: Part) -> None:
    """Where answers are from, told only where it is the same for all that leave of the type."""
    closed = closed_label_sources(item for part in parts for item in part.closed)
    opened = open_label_sources(item for part in parts for item in part.open)
    for part in parts:
        part.closed, part.twins = (
            [i.model_copy(update={"label_source": closed[i.question_type.value]}) for i in items]
            for items in (part.closed, part.twins)
        )
        part.open = [i.model_copy(update={"label_sources": opened[i.question]}) for i in part.open]
