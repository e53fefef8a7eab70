"""Write slices of a run as a folder of pages that needs no server: a part of them, without what may not be shared."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from neuroonco.browse import pages as templates
from neuroonco.browse.archive import Archive, Terms
from neuroonco.browse.facets import Coded
from neuroonco.browse.index import SliceIndex
from neuroonco.browse.pages import PACKAGE, Frame, Ways, card_of
from neuroonco.browse.place import replaced
from neuroonco.browse.sharing import shared_index, shared_page
from neuroonco.errors import InputError, NeuroOncoError
from neuroonco.images import Mask
from neuroonco.outcomes import Record
from neuroonco.viewer.embedding import data_block, json_block

ASSETS = (
    ("neuroonco.viewer", "page.css"),
    ("neuroonco.viewer", "htmx-2.0.11.min.js"),
    ("neuroonco.viewer", "slice_viewer.css"),
    ("neuroonco.viewer", "slice_viewer.js"),
    (PACKAGE, "browse.css"),
    (PACKAGE, "keys.js"),
    (PACKAGE, "filters.js"),
)
ABOUT, NOT_FOR_SHARING, LICENSES = "browse.json", "NOT_FOR_SHARING.txt", "LICENSES.md"
OWN_USE = "These pages hold pictures or facts that the terms of their sources do not permit to pass on."
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file: data:; base-uri 'none';"
    " form-action 'none'"
)
"""What a page may load. A page from a file has no origin that browsers agree on, so files are named beside it."""
ALL_OF_IT = Terms(picture=True, facts=True)


@dataclass(frozen=True)
class Wanted:
    """What to write.

    Attributes:
        limit: slices at most, the first by id.
        own_use: also what the terms forbid to share.
        with_paths: also paths and names of files.
    """

    limit: int
    own_use: bool = False
    with_paths: bool = False


class FolderCounts(Record):
    """What was written, and what was not.

    Attributes:
        slices: with a page; ``total`` are in the run.
        pictures: pages with a picture.
        without_picture: why the others have none, and how many.
        without_facts: pages that show no facts either.
    """

    slices: int
    total: int
    pictures: int
    without_picture: dict[str, int]
    without_facts: int
    own_use: bool
    with_paths: bool

    @property
    def line(self) -> str:
        """In words."""
        left = "; ".join(f"{n} without: {why}" for why, n in self.without_picture.items())
        part = f"{self.slices} of {self.total} slices" + ("" if self.slices == self.total else " (the first by id)")
        facts = f"; {self.without_facts} without facts" if self.without_facts else ""
        return f"{part}, {self.pictures} with a picture" + (f"; {left}" if left else "") + facts


def write_folder(archive: Archive, out: Path, wanted: Wanted) -> FolderCounts:
    """Write the folder, whole or not at all; the same run and wishes give the same bytes.

    A folder that was written before is replaced.

    Raises:
        InputError: ``out`` holds something else or more, is being written, or cannot be; the run has no slice.
    """
    whole = archive.index()
    if not len(whole):
        raise InputError("RUN_EMPTY", "the run has no slices to show", fix="run it at least as far as its catalogue")
    index = whole.at(np.arange(min(wanted.limit, len(whole)), dtype=np.uint32))
    with replaced(out, ABOUT, frozenset(FolderCounts.model_fields)) as folder:
        return _Writing(archive, index, folder, wanted, total=len(whole)).write()


class _Writing:
    def __init__(self, archive: Archive, index: SliceIndex, folder: Path, wanted: Wanted, *, total: int) -> None:
        self._archive, self._index, self._folder, self._wanted, self._total = archive, index, folder, wanted, total
        self._names = [index.name(position) for position in range(len(index))]
        self._why: Counter[str] = Counter()
        self._pictures: set[str] = set()
        self._thumbnails: set[str] = set()

    def write(self) -> FolderCounts:
        if self._wanted.own_use:  # first, so that a folder whose writing is killed says it too
            self._text(NOT_FOR_SHARING, f"{OWN_USE}\nKeep this folder on this machine.\n")
        digests = {name: self._copy(*name) for name in ASSETS}
        # Of all slices before any page: pages show the thumbnails of other slices.
        terms = {name: ALL_OF_IT if self._wanted.own_use else self._archive.terms(name) for name in self._names}
        for name in self._names:
            if terms[name].picture:
                self._thumbnail(name)
        hidden = np.array([i for i, name in enumerate(self._names) if not terms[name].facts], dtype=np.uint32)
        shown = shared_index(self._index, hidden, with_paths=self._wanted.with_paths)
        below = self._frame(digests, "../")
        for position, name in enumerate(self._names):
            self._page(below, position, name, terms[name])
        self._data(shown)
        counts = FolderCounts(
            slices=len(self._names),
            total=self._total,
            pictures=len(self._pictures),
            without_picture=dict(sorted(self._why.items())),
            without_facts=len(hidden),
            own_use=self._wanted.own_use,
            with_paths=self._wanted.with_paths,
        )
        top = self._frame(digests, "")
        self._text("index.html", templates.static_list(top, shown, counts.model_dump()))
        sources = self._index.facet("source")
        self._text(LICENSES, self._archive.licenses(set(sources.tokens) if sources is not None else set()))
        self._text(ABOUT, json.dumps(counts.model_dump(), indent=2) + "\n")
        return counts

    def _frame(self, digests: dict[tuple[str, str], str], base: str) -> Frame:
        def address(package: str, name: str) -> str:
            return f"{base}{_asset(package, name)}?v={digests[package, name]}"

        return Frame(
            title=self._archive.title,
            is_static=True,
            banner=OWN_USE if self._wanted.own_use else None,
            scripts=("filters.js", "keys.js"),
            policy=POLICY,
            base=base,
            home=f"{base}index.html",
            pages=templates.templates(address),
        )

    def _thumbnail(self, name: str) -> None:
        try:
            jpeg = self._archive.thumbnail(name)
        except NeuroOncoError:
            return
        self._bytes(f"thumbnails/{name}.jpg", jpeg)
        self._thumbnails.add(name)

    def _page(self, frame: Frame, position: int, name: str, terms: Terms) -> None:
        page = shared_page(self._archive.page(name), terms, with_paths=self._wanted.with_paths)
        block = None
        if page.missing is None:
            try:
                stored, facts = self._archive.values(name)
                block = data_block(stored, facts, self._mask(name, (facts.height_px, facts.width_px)))
                self._pictures.add(name)
            except NeuroOncoError as error:
                page = page.model_copy(update={"missing": f"it cannot be read ({error.code})"})
        if page.missing is not None:
            self._why[page.missing] += 1
        known = set(self._names)
        ways = Ways(
            thumbnail=lambda one: f"../thumbnails/{one}.jpg" if one in self._thumbnails else None,
            page=lambda one: f"{one}.html" if one in known else None,
            listed="../index.html",
            previous=f"{self._names[position - 1]}.html" if position else None,
            next=f"{self._names[position + 1]}.html" if position + 1 < len(self._names) else None,
            place=f"{position + 1} of {len(self._names)}",
            block=block,
        )
        self._text(f"slices/{name}.html", templates.slice_page(frame, page, ways))

    def _mask(self, name: str, shape: tuple[int, int]) -> Mask | None:
        try:
            lesion = self._archive.mask(name)
        except NeuroOncoError:
            return None
        return lesion if lesion is not None and lesion.shape == shape else None

    def _data(self, index: SliceIndex) -> None:
        """The index for the script: file:// pages may load a script, but fetch nothing."""
        facets: list[dict[str, object]] = []
        for facet in index.facets:
            entry: dict[str, object] = {"name": facet.name, "label": facet.label}
            entry |= {
                "tokens": facet.tokens,
                "displays": facet.displays,
                "unfolded": facet.name in templates.OPEN_FACETS,
            }
            if isinstance(facet, Coded):
                entry["codes"] = facet.codes.tolist()
            else:
                entry["holders"] = [holders.tolist() for holders in facet.holders]
            facets.append(entry)
        lines = [card_of(index, position).lines for position in range(len(index))]
        pictures = [int(name in self._thumbnails) for name in self._names]
        document = {"ids": self._names, "facets": facets, "lines": lines, "pictures": pictures}
        self._text("data/slices.js", f"window.neurooncoSlices = {json_block(document)};\n")

    def _copy(self, package: str, name: str) -> str:
        data = _static_file(package, name)
        self._bytes(_asset(package, name), data)
        return hashlib.sha256(data).hexdigest()[:12]

    def _text(self, relative: str, text: str) -> None:
        self._bytes(relative, text.encode("utf-8", "replace"))

    def _bytes(self, relative: str, data: bytes) -> None:
        path = self._folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _asset(package: str, name: str) -> str:
    return f"assets/{package.split('.')[1]}/{quote(name)}"


def _static_file(package: str, name: str) -> bytes:
    folder: Path = Path(__file__).parents[1].joinpath(*package.split(".")[1:], "static")
    return (folder / name).read_bytes()
