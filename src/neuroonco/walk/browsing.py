"""A run's folder as something to browse: index, pages, pictures and terms, read as they are asked for."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from neuroonco import masks, store
from neuroonco.browse.archive import Terms
from neuroonco.browse.index import SliceIndex
from neuroonco.browse.records import Named, Neighbor, SlicePage
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError
from neuroonco.images import Mask, read_picture
from neuroonco.pipeline import MANIFEST
from neuroonco.publish.terms import STRICTEST_FIRST, licenses
from neuroonco.report.pictures import thumbnail_jpeg
from neuroonco.sources import SourceSpec
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import Stored, read_values
from neuroonco.vocabulary import DuplicateKind, MaskKind, Redistribution, TumorType
from neuroonco.walk import browsing_views as views
from neuroonco.walk.browsing_index import STAGES, read_index
from neuroonco.walk.browsing_way import Row, mask_errors, rows_where, way
from neuroonco.walk.curation import GROUPS
from neuroonco.walk.described import kept_sources
from neuroonco.walk.folders import BENCHMARK, BUILD, CATALOG, CURATE, PREDICT, RUN_FILE

THUMBNAIL_PX = 160
KEPT_THUMBNAILS, KEPT_RECORDS = 600, 2000
"""Held at once: about 5 MB of thumbnails, and 2 MB of records."""
_UNKNOWN = Named(name="Remark", value="nothing is stated, or not as this version writes it; see the rows of the stages")
V = TypeVar("V")


class _Latest(Generic[V]):
    """The values that were used last."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._held: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: Hashable, value: V) -> V:
        with self._lock:
            self._held[key] = value
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return value


class RunArchive:
    """A run to browse, see :class:`neuroonco.browse.archive.Archive`; it is only read.

    Args:
        run: its folder; it may be unfinished, and change meanwhile.
        root: folder to which image paths are relative; None shows no pictures.
        title: what it is called.
    """

    def __init__(self, run: Path, root: Path | None, title: str) -> None:
        self._run, self._root, self._title = run, root, title
        self._lock = Lock()
        self._state: tuple[Hashable, SliceIndex] | None = None
        self._thumbnails: _Latest[bytes] = _Latest(KEPT_THUMBNAILS)
        self._records: _Latest[SliceRecord] = _Latest(KEPT_RECORDS)

    @property
    def title(self) -> str:
        """Name of the run."""
        return self._title

    def index(self) -> SliceIndex:
        """The slices; read again where a manifest has changed."""
        held, stamp = self._state, self._stamp()
        if held is not None and held[0] == stamp:
            return held[1]
        # One reads it again; the others go on with what they have, if they have something.
        if held is None:
            self._lock.acquire()
        elif not self._lock.acquire(blocking=False):
            return held[1]
        try:
            if self._state is None or self._state[0] != stamp:
                self._state = (stamp, read_index(self._run))
            return self._state[1]
        finally:
            self._lock.release()

    def _stamp(self) -> Hashable:
        """Changes whenever a stage is made again: a stage's folder appears whole, with its manifest."""
        found: list[tuple[str, int, int, int]] = []
        for stage in (*STAGES, PREDICT, RUN_FILE):
            path = self._run / stage if stage == RUN_FILE else self._run / stage / MANIFEST
            try:
                known = path.stat()
                found.append((stage, known.st_mtime_ns, known.st_size, known.st_ino))
            except OSError:
                found.append((stage, 0, 0, 0))
        return tuple(found)

    # --- pages ---

    def page(self, slice_id: str) -> SlicePage:
        """All about one slice of the index."""
        steps = way(self._run, slice_id)
        steps += mask_errors(self._run, steps)
        catalogued = views.first(views.rows_of(steps, CATALOG))
        group_id, members = self._group(slice_id)
        source_id = next((str(s.row["source_id"]) for s in steps if s.row.get("source_id") is not None), None)
        opened = rows_where(self._run / BUILD / BENCHMARK / "open.parquet", "slice_id", slice_id)
        return SlicePage(
            slice_id=slice_id,
            source_id=source_id,
            source=self._source(source_id),
            facts=_made(views.facts, steps) or (_UNKNOWN,),
            has_mask=_is_outline(catalogued.get("mask")),
            missing=self._missing(bool(catalogued)),
            way=views.way_parts(steps),
            labels=_made(views.label_table, steps),
            questions=_made(views.questions, steps, opened) or (),
            group=group_id,
            neighbors=tuple(self._neighbor(slice_id, row) for row in members),
            names=views.names_in(steps, members),
        )

    def _missing(self, catalogued: bool) -> str | None:
        if self._root is None:
            return "no folder of the collections was given (--root)"
        return None if catalogued else "the catalogue has no picture of it"

    def _source(self, source_id: str | None) -> tuple[Named, ...]:
        if source_id is None:
            return ()
        spec = self._sources().get(source_id)
        if spec is None:
            return (Named(name="Source", value=f"{source_id}: not described in this run"),)
        lines = (
            ("Source", f"{spec.id}: {spec.name}"),
            ("Licence", spec.license),
            ("May be passed on", spec.redistribution.value),
            ("Homepage", spec.homepage),
            ("Attribution", spec.attribution),
        )
        return tuple(Named(name=name, value=value) for name, value in lines)

    def _sources(self) -> dict[str, SourceSpec]:
        try:
            return kept_sources(self._run)
        except InputError:
            return {}

    def _group(self, slice_id: str) -> tuple[str | None, list[Row]]:
        index = self.index()
        position = index.position(slice_id)
        group_id = None if position is None else index.group_of(position)
        if group_id is None:
            return None, []
        found = rows_where(self._run / CURATE / GROUPS, "group_id", group_id)
        members = found[0].get("members") if found else None
        return group_id, [row for row in members or () if isinstance(row, dict)]

    def _neighbor(self, slice_id: str, row: Row) -> Neighbor:
        name, kind = str(row.get("slice_id")), row.get("kind")
        return Neighbor(
            slice_id=name,
            source_id=str(row.get("source_id")),
            label=views.shown(TumorType, row.get("tumor_type")),
            split=row.get("split"),
            is_self=name == slice_id,
            represents=bool(row.get("representative")),
            kind=DuplicateKind(kind) if kind in {k.value for k in DuplicateKind} else None,
            matched=row.get("matched"),
            transform=row.get("transform"),
            score=row.get("score"),
            path=row.get("image_path"),
            missing=self._missing(catalogued=True),
            linked=self.index().position(name) is not None,
        )

    # --- pictures ---

    def _record(self, slice_id: str) -> tuple[Path, SliceRecord]:
        """The catalogue's record of a slice, and the root of its picture."""
        if self._root is None:
            raise InputError("ROOT_NEEDED", "the pictures are under the collections' root", fix="pass --root FOLDER")
        key = (self._stamp(), slice_id)
        record = self._records.get(key)
        if record is None:
            rows = rows_where(self._run / CATALOG / "records.parquet", "slice_id", slice_id)
            if not rows:
                raise InputError("PICTURE_MISSING", "the catalogue has no picture of it", where=slice_id)
            try:
                store.require_text(rows[0], slice_id)
                record = self._records.put(key, SliceRecord.model_validate(rows[0]))
            except ValidationError:
                raise InputError("RECORD_INVALID", "the catalogue's row is not as written", where=slice_id) from None
        return self._root, record

    def thumbnail(self, slice_id: str) -> bytes:
        """A small JPEG of a slice."""
        root, record = self._record(slice_id)
        # Which bytes a file has is in its hash; a thumbnail of another file under the same path would be wrong.
        key = (slice_id, record.image_sha256)
        held = self._thumbnails.get(key)
        return held or self._thumbnails.put(key, thumbnail_jpeg(read_picture(root, record), THUMBNAIL_PX))

    def values(self, slice_id: str) -> tuple[Stored, SliceFacts]:
        """Pixel values for the viewer."""
        return read_values(*self._record(slice_id))

    def mask(self, slice_id: str) -> Mask | None:
        """The lesion mask, (height, width)."""
        root, record = self._record(slice_id)
        if record.mask is None:
            return None
        shape = (record.height_px, record.width_px)
        return masks.read_lesion_mask(root, record.mask, shape)

    # --- terms ---

    def terms(self, slice_id: str) -> Terms:
        """What of a slice may be passed on, as `publish` decides it; of what is not known, nothing."""
        index, known = self.index(), self._sources()
        position = index.position(slice_id)
        facet = index.facet("source")
        if position is None or facet is None:
            return Terms(picture=False, facts=False, reason="its source is not known")
        ids = set(facet.of(position))
        if index.facet("copies") is None:
            # Any slice may yet be found to be a copy of one of another collection.
            return _before_copies(ids, known)
        group_id, members = self._group(slice_id)
        if group_id is not None and not members:
            return Terms(picture=False, facts=False, reason="the sources of its copies are not known")
        ids.update(str(row.get("source_id")) for row in members)
        if unknown := sorted(ids - known.keys()):
            what = "the terms of its source are not known" if len(unknown) == len(ids) else "a copy's are not known"
            return Terms(picture=False, facts=False, reason=what)
        return _terms_of([known[source_id] for source_id in sorted(ids)])

    def licenses(self, source_ids: set[str]) -> str:
        """Licences and attribution of some collections, as text."""
        known = self._sources()
        return licenses([known[one] for one in sorted(source_ids) if one in known])


def _made(view: Callable[..., V], *rows: Any) -> V | None:
    """A view of rows; None where these are not as this version writes them: the page shows them as they are."""
    try:
        return view(*rows)
    except (TypeError, AttributeError, KeyError, ValueError):
        return None


def _is_outline(mask: Any) -> bool:
    return isinstance(mask, dict) and mask.get("kind") != MaskKind.YOLO_BOXES


def _before_copies(ids: set[str], known: dict[str, SourceSpec]) -> Terms:
    """While copies are not known, the strictest of the terms of all of the run's sources."""
    if not known or ids - known.keys():
        return Terms(picture=False, facts=False, reason="the terms of its source are not known")
    terms = _terms_of(list(known.values()))
    reason = None if terms.reason is None else f"copies are not known yet, and {terms.reason}"
    return terms.model_copy(update={"reason": reason})


def _terms_of(specs: list[SourceSpec]) -> Terms:
    """The strictest of the terms of all sources that have a copy."""
    strictest: Any = min(specs, key=lambda spec: STRICTEST_FIRST.index(spec.redistribution))
    permitted = strictest.redistribution
    if permitted is Redistribution.IMAGES:
        return Terms(picture=True, facts=True)
    words = {
        Redistribution.DERIVED: "labels, but no pictures",
        Redistribution.POINTERS: "only where its files are found",
        Redistribution.NONE: "nothing",
    }
    reason = f"the terms of source {strictest.id} permit to pass on {words[permitted]}"
    return Terms(picture=False, facts=permitted is Redistribution.DERIVED, reason=reason)
