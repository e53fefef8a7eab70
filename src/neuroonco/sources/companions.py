"""Which files are masks or label files of images, judged by their names alone."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from neuroonco.images import IMAGE_SUFFIXES

SUFFIXES = ("_mask", "_seg", "_segmentation", "-mask", "_Mask", "_label")
IMAGE_FOLDERS = ("images", "image", "imgs", "Images")
MASK_FOLDERS = ("masks", "mask", "Masks", "segmentations", "labels", "annotations")
SAMPLE = 1000
"""Files on which each relation is tried before it is applied to all."""
LABEL_FOLDERS = ("labels", "Labels", "annotations")


@dataclass(frozen=True)
class Relation:
    """How the path of a mask follows from the path of its image.

    Attributes:
        folder: swap this folder of the image for that one; None for the folder as it is. An empty first name: the
            masks lie in a folder of the images' own folder.
        name: the mask's stem, with ``*`` for the image's stem and ``@`` for the name of its folder.
    """

    folder: tuple[str, str] | None
    name: str

    def stem_path(self, image: str) -> str | None:
        """Path of the mask without its ending, or None if the image has no such mask."""
        pure = PurePosixPath(image)
        folders = list(pure.parts[:-1])
        name = self.name.replace("*", _stem(pure.name)).replace("@", folders[-1] if folders else "")
        if self.folder is not None and self.folder[0]:
            if self.folder[0] not in folders:
                return None
            place = len(folders) - 1 - folders[::-1].index(self.folder[0])
            folders[place] = self.folder[1]
        elif self.folder is not None:
            folders.append(self.folder[1])
        return "/".join([*folders, name])

    def template(self, pattern: str) -> str | None:
        """The mask's template without its ending, for a pattern without its ending; None if none can be written."""
        *folders, name = pattern.split("/")
        own = folders[-1] if folders else ""
        if "@" in self.name and own in ("", "**"):
            return None
        if self.folder is not None and self.folder[0]:
            if self.folder[0] not in folders:
                return None
            folders[len(folders) - 1 - folders[::-1].index(self.folder[0])] = self.folder[1]
        elif self.folder is not None:
            folders.append(self.folder[1])
        return "/".join([*folders, self.name.replace("*", name).replace("@", own)])


RELATIONS = (
    *(Relation(None, f"*{suffix}") for suffix in SUFFIXES),
    *(Relation(None, f"@{suffix}") for suffix in SUFFIXES[:2]),
    *(Relation(None, name) for name in ("mask (*)", "mask  (*)")),
    *(
        Relation(swap, name)
        for swap in [(images, masks) for images in IMAGE_FOLDERS for masks in MASK_FOLDERS]
        + [("", m) for m in MASK_FOLDERS]
        for name in ("*", "*_mask", "*_seg")
    ),
)
TEXT_RELATIONS = (
    *(Relation((images, labels), "*") for images in IMAGE_FOLDERS for labels in LABEL_FOLDERS),
    *(Relation(("", labels), "*") for labels in LABEL_FOLDERS),
    Relation(None, "*"),
)


@dataclass(frozen=True)
class Pairs:
    """Images and what belongs to them.

    Attributes:
        images: paths of images that are no masks.
        masks: image -> its mask or label file, and the relation between them.
    """

    images: list[str]
    masks: dict[str, tuple[str, Relation]]


def ending_of(path: str) -> str:
    """The ending of a path as written, ``.nii.gz`` as one.

    >>> ending_of("a/b.nii.gz"), ending_of("a/b.c.PNG")
    ('.nii.gz', '.PNG')
    """
    return path[-7:] if path.lower().endswith(".nii.gz") else PurePosixPath(path).suffix


def _stem(name: str) -> str:
    ending = ending_of(name)
    return name[: -len(ending)] if ending else name


def pair(paths: Sequence[str], is_slice: Callable[[str], bool]) -> Pairs:
    """Find the masks and label files among some paths.

    >>> pair(["1.png", "1_mask.png", "2.png"], lambda path: path.endswith(".png")).images
    ['1.png', '2.png']
    """
    slices = [path for path in paths if is_slice(path)]
    by_stem: dict[str, list[str]] = {}
    for path in slices:
        by_stem.setdefault(path[: len(path) - len(ending_of(path))], []).append(path)
    texts = {path[:-4]: path for path in paths if path.endswith(".txt")}
    masks: dict[str, tuple[str, Relation]] = {}
    claimed: set[str] = set()
    # The relation that explains most files goes first, so that an odd name does not claim an image.
    some = slices[:: max(1, len(slices) // SAMPLE)]
    counts = Counter(
        {r: sum(any(m != p for m in by_stem.get(r.stem_path(p) or "", ())) for p in some) for r in RELATIONS}
    )
    for relation in [r for r, count in counts.most_common() if count]:
        for path in slices:
            found = by_stem.get(relation.stem_path(path) or "", ())
            mask = next((m for m in found if m != path and (m not in claimed or "@" in relation.name)), None)
            if mask is not None and path not in masks and path not in claimed and mask not in masks:
                masks[path] = (mask, relation)
                claimed.add(mask)
    for path in slices:
        for relation in TEXT_RELATIONS if path not in claimed and path not in masks else ():
            label = texts.get(relation.stem_path(path) or "")
            if label is not None:
                masks[path] = (label, relation)
                break
    # A file with a mask's name is no image, even if its own image is missing.
    orphan = {p for p in slices if p not in masks and p not in claimed and _looks_like_mask(p) and claimed}
    return Pairs([p for p in slices if p not in claimed and p not in orphan], masks)


def _looks_like_mask(path: str) -> bool:
    stem = _stem(PurePosixPath(path).name)
    return stem.endswith(SUFFIXES[:3]) or re.match(r"(?i)mask\b", stem) is not None


def is_image(path: str) -> bool:
    """An image file by its ending."""
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES
