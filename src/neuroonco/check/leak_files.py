"""The two sides of a comparison, read from files: questions, chat lines, labels, and what curation found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.build.interop import read_closed, read_open
from neuroonco.check.leaks import Fact, KnownSlice, file_fact, plain_path
from neuroonco.errors import InputError
from neuroonco.outcomes import Quarantined
from neuroonco.store import Loaded

CLOSED = ("closed.parquet", "closed.jsonl", "benchmark_closed.json")
OPEN = ("open.parquet", "open.jsonl", "benchmark_open.json")
"""Files of a benchmark's folder; the first that is there is read, since ours know more than the reference's."""


@dataclass(frozen=True)
class Picture:
    """Where the picture of a slice is."""

    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None


@dataclass
class Side:
    """The slices of one side.

    Attributes:
        slices: what is known of each, by a name of its own: the slice id, else the path.
        pictures: where each is.
        unreadable: rows that could not be read, so that what they are about was not compared.
    """

    slices: dict[str, set[Fact]] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    unreadable: list[Quarantined] = field(default_factory=list)

    def add(self, slice_id: str, picture: Picture, facts: Iterable[Fact]) -> None:
        """One slice, or more that is known of it."""
        self.slices.setdefault(slice_id, set()).update(facts)
        self.pictures[slice_id] = picture

    def forget_paths(self) -> None:
        """Take paths for nothing but places: under another root an equal path is another file."""
        for name, facts in self.slices.items():
            path = self.pictures[name].image_path
            self.slices[name] = {one for one in facts if one[0] != "file" and one != ("slice", path)}

    def inside(self, root: Path) -> None:
        """Take absolute paths below a root for paths below it."""
        above = f"{plain_path(str(root.absolute()))}/"
        for name in list(self.slices):
            picture = self.pictures[name]
            if not picture.image_path.startswith(above):
                continue
            facts, path = self.slices.pop(name), picture.image_path.removeprefix(above)
            del self.pictures[name]
            new = path if name == picture.image_path else name
            kept = {one for one in facts if one[1] != picture.image_path}
            self.add(new, replace(picture, image_path=path), kept | set(_own(new, path)))

    def known(self, more: Mapping[str, Iterable[Fact]]) -> list[KnownSlice]:
        """The slices, with what else is known of them by slice id or by path."""
        found = []
        for name, facts in sorted(self.slices.items()):
            picture = self.pictures[name]
            joined = facts | set(more.get(name, ()))
            if picture.image_channel is None and picture.image_slice is None:
                joined |= set(more.get(picture.image_path, ()))
            found.append(KnownSlice(slice_id=name, facts=tuple(sorted(joined))))
        return found


def benchmark_side(path: Path) -> Side:
    """Slices that a benchmark asks about: one file of questions, or a folder with closed and open ones.

    Raises:
        InputError: no such file, or the folder has no questions.
    """
    side = Side()
    loaded: list[Loaded[Any]] = []
    if not path.is_dir():
        # The two kinds of file differ in a field that each row must have: the wrong reader can read none of them.
        readers: tuple[Loaded[Any], ...] = (read_closed(path), read_open(path))
        loaded.append(min(readers, key=lambda one: len(one.unreadable)))
    else:
        for names, read in ((CLOSED, read_closed), (OPEN, read_open)):
            file = next((path / name for name in names if (path / name).exists()), None)
            if file is not None:
                loaded.append(read(file))
        if not loaded:
            fix = f"expected one of {', '.join(CLOSED + OPEN)}"
            raise InputError("BENCHMARK_MISSING", "no questions in this folder", where=str(path), fix=fix)
    for one in loaded:
        side.unreadable += one.unreadable
        for item in one.records:
            shown = plain_path(item.image_path)
            name = _name(item.slice_id, shown)
            group = [("group", item.group_id)] if item.group_id else []
            side.add(name, Picture(shown, item.image_channel, item.image_slice), [*_own(name, shown), *group])
    return side


def instruction_side(path: Path) -> Side:
    """Slices that instruction data are about: one chat JSONL, or a folder with some.

    Raises:
        InputError: no such file, or the folder has none.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise InputError("INSTRUCTIONS_MISSING", "no .jsonl in this folder", where=str(path), fix="pass chat JSONL")
    side = Side()
    for file in files:
        for number, row in enumerate(store.jsonl_rows(file), start=1):
            try:
                name, paths = _line(row)
            except InputError as error:
                place = f"{file.name}#{number}"
                side.unreadable.append(Quarantined(slice_id=place, code=error.code, message=f"{place}: {error.what}"))
                continue
            for image_path in paths:
                slice_id = _name(name if len(paths) == 1 else "", image_path)
                side.add(slice_id, Picture(image_path), _own(slice_id, image_path))
    return side


def _line(row: Any) -> tuple[str, list[str]]:
    """Slice id, empty if there is none, and image paths of one line."""
    if isinstance(row, InputError):
        raise row
    paths = row.get("images") if isinstance(row, dict) else None
    if not isinstance(paths, list) or not paths or any(not isinstance(path, str) for path in paths):
        raise InputError("FIELD_INVALID", "images: expected a list of paths")
    meta = row.get("meta")
    name = meta.get("id") if isinstance(meta, dict) else None
    return (name if isinstance(name, str) else ""), [plain_path(path) for path in paths]


def _name(slice_id: str, image_path: str) -> str:
    """A number is nobody's slice id: the reference counts the images of each file anew."""
    return image_path if not slice_id or slice_id.isdigit() else slice_id


def _own(name: str, image_path: str) -> list[Fact]:
    return [("slice", name), file_fact(image_path)]


def without_common_root(tested: Side, trained: Side) -> list[str]:
    """What cannot be compared by path: absolute paths on one side, relative ones on the other."""
    found = []
    for (name, one), (other_name, other) in permutations((("benchmark", tested), ("instructions", trained))):
        absolute = sorted(picture.image_path for picture in one.pictures.values() if _is_absolute(picture))
        if absolute and not all(map(_is_absolute, other.pictures.values())):
            what = f"{len(absolute)} absolute paths of the {name} with relative ones of the {other_name}"
            found.append(f"{what}, e.g. {absolute[0]}: pass --root")
    return found


def _is_absolute(picture: Picture) -> bool:
    return picture.image_path.startswith("/") or picture.image_path[1:2] == ":"
