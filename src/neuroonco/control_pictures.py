"""What is shown in place of a picture where a model is to do without: another image's, or nothing at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neuroonco.errors import InputError
from neuroonco.images import Gray, PictureRef
from neuroonco.seeded import shuffled

MID_GRAY = 128


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


class Dealt(PictureRef, Protocol):
    """Whatever has a picture that can be dealt: a question of a benchmark, a picture of a training."""

    @property
    def image_id(self) -> str:
        """What it is a picture of; pictures of one image are not shown for each other while there are others."""
        ...

    @property
    def group_id(self) -> str | None:
        """Patient or group of copies; None where none is known."""
        ...


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


def deal_pictures(items: Sequence[Dealt], seed: int) -> Deal:
    """Give every image of a benchmark, or of a training, the picture of another one: a seeded derangement.

    No picture stays, and none goes to an image of its own group (``group_id``) or file while that can be avoided.
    Every picture is used once. Images are ordered by their groups, the largest first and the others as the seed has
    it, and each gets the picture that lies one largest group further: nothing comes back into its own group unless
    one group holds more than half of all images.

    Args:
        items: the questions or pictures; several may be about one image.
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


def _related(items: Iterable[Dealt]) -> dict[PictureName, PictureName]:
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
