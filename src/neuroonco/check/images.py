"""Images that stand in a benchmark twice, and paths that tell the answer."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from neuroonco import images
from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.check.meanings import meaning_of
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.vocabulary import QuestionType
from neuroonco.vocabulary.concepts import concept_spellings, overlap

_SHORTEST_SIGN = 4
"""Spellings of findings shorter than this are too often parts of file names; those of tumors and sequences are not."""


class Pictured(Protocol):
    """A question about a picture."""

    @property
    def image_id(self) -> str:
        """Of the image, shared by its questions."""
        ...

    @property
    def image_path(self) -> str:
        """Relative to the root."""
        ...

    @property
    def image_channel(self) -> int | None:
        """Color channel of the file that is the picture."""
        ...

    @property
    def image_slice(self) -> int | None:
        """Slice of the volume that is the picture."""
        ...


def images_twice(items: Iterable[Pictured], root: Path | None = None) -> tuple[list[str], list[str]]:
    """Pictures that stand under several ids, and pictures that cannot be read.

    Args:
        root: folder of the images; then pictures are compared by their decoded pixels as well, which equal bytes
            always share. Each is decoded once and only its hash is kept.
    """
    pictures: dict[tuple[str, int | None, int | None], Pictured] = {}
    ids: dict[tuple[str, int | None, int | None], dict[str, None]] = {}
    for item in items:
        key = (item.image_path, item.image_channel, item.image_slice)
        pictures.setdefault(key, item)
        ids.setdefault(key, {})[item.image_id] = None
    twice = [f"{', '.join(names)}: same path {key[0]}" for key, names in ids.items() if len(names) > 1]
    if root is None:
        return twice, []
    unreadable: list[str] = []
    first: dict[str, tuple[str, str]] = {}
    for key, item in pictures.items():
        try:
            pixels, raw = _hashes(root, item)
        except (InputError, PrerequisiteError) as error:
            unreadable.append(f"{item.image_id}: {error.line}")
            continue
        if pixels not in first:
            first[pixels] = (item.image_id, raw)
            continue
        other, other_raw = first[pixels]
        if other not in ids[key]:
            how = "same bytes" if raw == other_raw else "same pixels"
            twice.append(f"{other}, {item.image_id}: {how}, {key[0]}")
    return twice, unreadable


def _hashes(root: Path, item: Pictured) -> tuple[str, str]:
    """Hash of the decoded picture, and of the file where the picture is all of it."""
    gray = images.read_picture(root, item)
    pixels = hashlib.sha256(f"{gray.shape}".encode() + gray.tobytes()).hexdigest()
    if item.image_slice is not None or item.image_channel is not None:
        return pixels, f"{item.image_path} {item.image_channel} {item.image_slice}"
    return pixels, hashlib.sha256(images.read_bytes(images.resolve(root, item.image_path), item.image_path)).hexdigest()


def path_names_answer(item: ClosedItem) -> str | None:
    """The path, if the part of it that names values of what is asked, the last such part, names the answer alone."""
    text = item.removed_answer or item.text_of(item.answer)
    if text is None:
        return None
    enum, token = ANSWERS[item.question_type], meaning_of(item.question_type, text)
    named = values_in_path(item.question_type, item.image_path)
    if len(named) == 1 and (token in named or overlap(enum, token, next(iter(named)))):
        return item.image_path
    return None


@cache
def values_in_path(kind: QuestionType, path: str) -> frozenset[str]:
    """Tokens that the last part of a path that names any names: the file name, else its folder, and so on up.

    >>> sorted(values_in_path(QuestionType.MODALITY, "glioma/16_t1_t2_t1ce_flair_mask/x/BraTS2021_1_flair.png"))
    ['flair']
    >>> sorted(values_in_path(QuestionType.DIAGNOSIS, "tumor/05_t1_mask/brisc2025_train_00579_gl_co_t1.jpg"))
    ['glioma']
    """
    short = kind in (QuestionType.DIAGNOSIS, QuestionType.MODALITY)
    table = {s: t for s, t in concept_spellings(ANSWERS[kind]).items() if short or len(s) >= _SHORTEST_SIGN}
    for part in reversed(PurePosixPath(path).parts):
        words = re.findall(r"[a-z0-9+]+", part.casefold())
        words = [re.sub(r"(?<=[a-z]{4})\d+$", "", word) for word in words]
        text = f" {' '.join(words)} "
        found = [spelling for spelling in table if f" {spelling} " in text]
        # "t1 ce" names one sequence, not two: a spelling inside a longer one that stands there does not count.
        longest = [s for s in found if not any(s != other and f" {s} " in f" {other} " for other in found)]
        if longest:
            return frozenset(table[spelling] for spelling in longest)
    return frozenset()
