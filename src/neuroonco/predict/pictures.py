"""Which picture is shown with a question, and where it lies: under one root, whatever its extension became."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from neuroonco import images
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError, printable
from neuroonco.images import Gray, PictureRef
from neuroonco.seeded import shuffled

MID_GRAY = 128
SUFFIXES = tuple(sorted({*images.IMAGE_SUFFIXES, *images.VOLUME_SUFFIXES, ".gif", ".webp"}, key=lambda s: (-len(s), s)))
"""What may stand at the end of a picture's name, the longest first."""
MAX_NAMED, MAX_WHERE = 3, 200


@dataclass(frozen=True)
class PictureName:
    """A picture by the file it lies in; see :class:`neuroonco.images.PictureRef`."""

    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None

    @classmethod
    def of(cls, ref: PictureRef) -> "PictureName":
        """The picture of a question or a slice."""
        return cls(ref.image_path, ref.image_channel, ref.image_slice)


# --- another image's picture ---


@dataclass(frozen=True)
class Deal:
    """Which picture is shown in place of which.

    Attributes:
        given: the picture shown, by the picture that belongs there; never the same.
        related: pictures that stand for one of the same group or file, because there are too few others.
    """

    given: Mapping[PictureName, PictureName]
    related: int

    @property
    def warning(self) -> str | None:
        """One line where the deal could not keep groups apart."""
        if not self.related:
            return None
        what = f"{self.related} of {len(self.given)} pictures are replaced by one of the same group or file"
        return f"{what}: there are too few others"


def deal_pictures(items: Sequence[ClosedItem] | Sequence[OpenItem], seed: int) -> Deal:
    """Give every image of a benchmark the picture of another one: a seeded derangement.

    No picture stays, and none goes to an image of its own group (``group_id``) or file while that can be avoided.
    Every picture is used once. Images are ordered by their groups, the largest first and the others as the seed has
    it, and each gets the picture that lies one largest group further: nothing comes back into its own group unless
    one group holds more than half of all images.

    Args:
        items: the benchmark.
        seed: of the order.

    Raises:
        InputError: there is one image only.
    """
    pictures = list(dict.fromkeys(PictureName.of(item) for item in items))
    if len(pictures) < 2:
        what = "one image only, so that no other picture can be shown"
        raise InputError("SHUFFLE_IMPOSSIBLE", what, fix="pass a benchmark of several images, or use blank:MODEL")
    groups: dict[PictureName, list[PictureName]] = {}
    for picture, representative in _related(items).items():
        groups.setdefault(representative, []).append(picture)
    order = [shuffled(group, seed, "shuffled pictures", repr) for group in groups.values()]
    order = shuffled(order, seed, "shuffled groups", lambda group: repr(min(group, key=repr)))
    order.sort(key=len, reverse=True)  # stable
    largest = len(order[0])
    ring = [picture for group in order for picture in group]
    shift = largest % len(ring) or 1
    return Deal(
        given={picture: ring[(place + shift) % len(ring)] for place, picture in enumerate(ring)},
        related=max(0, 2 * largest - len(ring)),
    )


def _related(items: Iterable[ClosedItem | OpenItem]) -> dict[PictureName, PictureName]:
    """Each picture with the one that stands for its group: those that share a group or a file are one group."""
    parent: dict[PictureName, PictureName] = {}

    def root_of(picture: PictureName) -> PictureName:
        while parent[picture] != picture:
            parent[picture] = parent[parent[picture]]
            picture = parent[picture]
        return picture

    first: dict[tuple[str, str], PictureName] = {}
    for item in items:
        picture = PictureName.of(item)
        parent.setdefault(picture, picture)
        names = [("file", item.image_path), ("image", item.image_id)]
        names += [] if item.group_id is None else [("group", item.group_id)]
        for name in names:
            parent[root_of(first.setdefault(name, picture))] = root_of(picture)
    return {picture: root_of(picture) for picture in parent}


# --- no picture ---


def blank(picture: Gray) -> Gray:
    """A picture of the same size in which there is nothing: all of it is mid-gray."""
    return np.full_like(picture, MID_GRAY)


# --- where it lies ---


class PictureFinder:
    """Reads pictures under one root; may be used by several threads.

    Benchmarks are often unpacked with other extensions than they were built from. A file that is not there is
    replaced by the only one beside it that has the same name and another extension of a picture; where there are
    several, none is taken.

    Args:
        root: folder to which paths are relative; nothing outside is read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.renamed: dict[str, str] = {}
        self._listed: dict[str, dict[str, list[str]]] = {}

    def read(self, ref: PictureRef) -> Gray:
        """Pixels of a picture, (height, width) uint8.

        Raises:
            InputError: outside the root, missing, ambiguous or no picture.
            PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
        """
        path = self.locate(ref.image_path)
        return images.read_picture(self.root, PictureName(path, ref.image_channel, ref.image_slice))

    def locate(self, relative: str) -> str:
        """Path of a picture relative to the root, with the extension that it has there.

        Raises:
            InputError: outside the root, missing, ambiguous, or under a name that no file can have.
        """
        try:
            if images.resolve(self.root, relative).is_file():
                return relative
        except OSError as error:  # too long for the file system, or in a folder that may not be looked into
            what = error.strerror or "unreadable"
            raise InputError("FILE_UNREADABLE", what, where=relative[:MAX_WHERE]) from None
        name = PurePosixPath(relative)
        stem, suffix = split_name(name.name)
        beside = self._beside(relative, name).get(stem, []) if suffix is not None else []
        found = [other for other in beside if images.is_volume(other) == images.is_volume(relative)]
        if not found:
            raise InputError("FILE_MISSING", "no such file", where=relative[:MAX_WHERE])
        if len(found) > 1:
            shown = ", ".join(map(printable, found[:MAX_NAMED])) + (", …" if len(found) > MAX_NAMED else "")
            raise InputError("FILE_AMBIGUOUS", f"no such file, and several of another extension: {shown}")
        taken = str(name.with_name(found[0]))
        images.resolve(self.root, taken)
        self.renamed[relative] = taken
        return taken

    @property
    def warning(self) -> str | None:
        """One line where pictures were found under another extension."""
        if not self.renamed:
            return None
        before, after = min(self.renamed.items())
        return f"{len(self.renamed)} pictures have another extension than the benchmark says, e.g. {before} is {after}"

    def _beside(self, relative: str, name: PurePosixPath) -> dict[str, list[str]]:
        """Names of pictures in a file's folder by what stands before their extension."""
        folder = str(name.parent)
        if folder not in self._listed:
            found: dict[str, list[str]] = {}
            try:
                listed = sorted(e.name for e in images.resolve(self.root, relative).parent.iterdir() if _is_file(e))
            except OSError:
                listed = []
            for other in listed:
                stem, suffix = split_name(other)
                if suffix is not None:
                    found.setdefault(stem, []).append(other)
            self._listed[folder] = found
        return self._listed[folder]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def split_name(name: str) -> tuple[str, str | None]:
    """A file's name before its extension, and the extension of a picture; None where it has none.

    >>> split_name("case (1).JPG"), split_name("a.b.nii.gz"), split_name("notes.txt")
    (('case (1)', '.JPG'), ('a.b', '.nii.gz'), ('notes.txt', None))
    """
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    return name, None
