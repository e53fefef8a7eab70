"""The slices of a validation: phantoms drawn or brought along, and real slices with masks; what readers are shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice
from neuroonco.digests import tree_digest
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import StageOutcome
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_images
from neuroonco.pipeline import LIGHT_SHARD_SIZE, MANIFEST, Stage, Workspace
from neuroonco.score.validation_records import Condition
from neuroonco.sources import SourceSpec, source
from neuroonco.streams import Rows, rows_of
from neuroonco.vocabulary import PhantomStyle
from neuroonco.walk.catalogue import catalog
from neuroonco.walk.described import digests_of
from neuroonco.walk.folders import CATALOG, CURATE, PHANTOM_IMAGES, PHANTOM_TRUTH, PHANTOMS

SETS = "sets"
"""Below a validation's folder: the slices, one folder a set."""
TRUTH_FILES = ("truth.parquet", "truth.jsonl")


@dataclass(frozen=True)
class SliceSet:
    """Slices that readers are tried on.

    Attributes:
        name: of its folder.
        root: folder to which image and mask paths are relative.
        spec: description of the source.
        truth: file of what was drawn; None for real slices.
        style, seed, number: what to draw; None where the slices are there already.
    """

    name: str
    root: Path
    spec: SourceSpec
    truth: Path | None = None
    style: PhantomStyle | None = None
    seed: int | None = None
    number: int | None = None

    def folder(self, out: Path) -> Path:
        """Where its stages are."""
        return out / SETS / self.name

    def truths(self) -> dict[str, PhantomTruth]:
        """What was drawn, by image path; empty for real slices."""
        if self.truth is None:
            return {}
        return {t.image_path: t for t in store.load_strict(self.truth, PhantomTruth)}


def drawn_set(out: Path, style: PhantomStyle, seed: int, number: int) -> SliceSet:
    """A set that the validation draws itself."""
    name = f"{style}_{seed}"
    folder = out / SETS / name / PHANTOMS
    return SliceSet(
        name, folder / PHANTOM_IMAGES, source("phantoms"), folder / PHANTOM_TRUTH, style=style, seed=seed, number=number
    )


def found_set(folder: Path) -> SliceSet:
    """A folder of phantoms with ``truth.parquet`` or ``truth.jsonl`` in it; images beside it or under ``images``.

    Raises:
        InputError: there is no such folder or no truth in it.
    """
    truth = next((folder / name for name in TRUTH_FILES if (folder / name).is_file()), None)
    if truth is None:
        fix = f"pass a folder with {' or '.join(TRUTH_FILES)}"
        raise InputError("TRUTH_MISSING", "no truth of phantoms here", where=str(folder), fix=fix)
    styles = {(t.style, t.seed) for t in store.stream(truth, PhantomTruth)}
    if len(styles) != 1:
        what = f"phantoms of {len(styles)} series in one folder"
        raise InputError("TRUTH_MIXED", what, where=str(truth), fix="one folder for each seed and style")
    [(style, seed)] = styles
    images = folder / PHANTOM_IMAGES
    root = images if images.is_dir() else folder
    return SliceSet(f"{style}_{seed}", root.absolute(), source("phantoms"), truth, style=style, seed=seed)


def real_set(root: Path, source_id: str, sources: Path | None = None) -> SliceSet:
    """Slices of a source; those with an outline of a lesion are what it is about."""
    spec = source(source_id, sources)
    return SliceSet(f"real_{spec.id}", root.absolute(), spec)


def refuse_fit_seed(sets: list[SliceSet], fit_seed: int) -> None:
    """Refuse phantoms that the measuring reader was fitted to: those of the tuned style and one seed.

    The same seed draws other phantoms in another style, which the reader has not seen.

    Raises:
        UsageError: one of the sets is that series.
    """
    for one in sets:
        if (one.style, one.seed) == (PhantomStyle.TUNED, fit_seed):
            what = f"seed {fit_seed} in this style is what the measuring reader was fitted to"
            fix = "use another --seed, or --allow-fit-seed to see the training error"
            raise UsageError("FIT_SEED", what, where=one.name, fix=fix)


def set_stages(one: SliceSet) -> list[Stage]:
    """Draw a set if it is to be drawn, and catalogue it."""
    folders = {one.spec.id: ""}
    sources = {one.spec.id: one.spec}
    stages = []
    if one.number is not None:
        what: dict[str, Any] = {"number": one.number, "seed": one.seed, "style": str(one.style)}
        draw = partial(_draw_stage, number=one.number, seed=one.seed or 0, style=one.style or PhantomStyle.TUNED)
        stages.append(Stage(PHANTOMS, (), ("phantoms", "walk"), (), what, draw))
    content = None if stages else tree_digest(one.root, [""])
    parameters = {"content": content, "sources": digests_of(sources)}
    after = (PHANTOMS,) if stages else ()
    work = partial(catalog, root=one.root, folders=folders, sources=sources)
    rooms = ("catalog", "inspection", "sources", "walk")
    return [*stages, Stage(CATALOG, after, rooms, ("volumes",), parameters, work)]


def _draw_stage(ws: Workspace, *, number: int, seed: int, style: PhantomStyle) -> dict[str, Any]:
    draw = partial(_draw, root=ws.folder.absolute() / PHANTOM_IMAGES, seed=seed, style=style)
    outcome = ws.in_shards(list(range(number)), PhantomTruth, draw)
    store.save(ws.folder / PHANTOM_TRUTH, outcome.kept, PhantomTruth)
    return outcome.counts()


def _draw(numbers: list[int], *, root: Path, seed: int, style: PhantomStyle) -> StageOutcome[PhantomTruth]:
    return StageOutcome(kept=list(write_images(root, numbers, seed, style)))


def shown_stage(one: SliceSet, out: Path, condition: Condition) -> Stage:
    """What readers and auditor are shown under a condition: the catalogue, without what is hidden from them."""
    catalogue = one.folder(out) / CATALOG
    parameters = {
        "catalog": store.sha256_file(catalogue / MANIFEST),
        "masks_given": condition.masks_given,
        "sequence_stated": condition.sequence_stated,
    }
    work = partial(_show, catalogue=catalogue / "records.parquet", condition=condition)
    return Stage(CURATE, (), ("catalog", "curate", "walk"), (), parameters, work)


def _show(ws: Workspace, *, catalogue: Path, condition: Condition) -> dict[str, Any]:
    pieces = rows_of(catalogue, SliceRecord, LIGHT_SHARD_SIZE)
    return ws.save_shards(ws.stream(pieces, CuratedSlice, partial(_hide, condition=condition)))


def _hide(rows: Rows[SliceRecord], *, condition: Condition) -> StageOutcome[CuratedSlice]:
    hidden: dict[str, None] = {}
    if not condition.masks_given:
        hidden["mask"] = None
    if not condition.sequence_stated:
        hidden["sequence"] = None
    names = SliceRecord.model_fields
    return StageOutcome(kept=[CuratedSlice(**{name: getattr(r, name) for name in names} | hidden) for r in rows.read()])


def masks_of(one: SliceSet, out: Path) -> Path:
    """The set's catalogue, which knows the masks whatever the readers are shown."""
    return one.folder(out) / CATALOG / "records.parquet"


Progress = Callable[[str, int, int], None]


def named(progress: Progress, name: str) -> Progress:
    """The same progress, with the name of the set or condition before the stage's."""
    return lambda what, done, total: progress(f"{name} {what}", done, total)


def by_slice(truths: Mapping[str, PhantomTruth], catalogue: Path) -> dict[str, PhantomTruth]:
    """Truth by slice id, for the slices that were catalogued.

    Raises:
        InputError: a drawn slice is not in the catalogue, so that figures would leave it out unseen.
    """
    found = {r.slice_id: truths[r.image_path] for r in store.stream(catalogue, SliceRecord) if r.image_path in truths}
    if len(found) != len(truths):
        what = f"{len(truths) - len(found)} of {len(truths)} phantoms of the truth are not among the images"
        raise InputError("TRUTH_UNMATCHED", what, where=str(catalogue), fix="use the truth of these images")
    return found
