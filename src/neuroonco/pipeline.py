"""Run stages on disk: skip what is unchanged, resume what was cut off, leave a manifest of what was done.

A stage writes into ``NN-name.partial`` and is moved to ``NN-name`` when it is complete, so a folder with that name
is always whole. Work that is independent from record to record runs in shards, in several processes, and every
finished shard stays in the partial folder until the stage is complete.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from neuroonco import __version__, store
from neuroonco.columns import table_of
from neuroonco.digests import code_digest
from neuroonco.errors import InputError
from neuroonco.executors import Executor, InProcess
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome
from neuroonco.rules import RuleSet
from neuroonco.sorting import TIES, Change, merge
from neuroonco.streams import DROPPED, QUARANTINED, RECORDS, Shards, is_whole, models_of, remove_torn, save_shard
from neuroonco.tallies import Tally

P = TypeVar("P")
R = TypeVar("R", bound=Record)
SHARD_SIZE = 32
"""Items a shard where one takes many milliseconds: what a kill can lose is the shards under way."""
LIGHT_SHARD_SIZE = 256
"""Items a shard where one takes about a millisecond."""
MANIFEST = "manifest.json"
INCOMPLETE = "incomplete"
"""Among a manifest's counts: how many records wait for something that a later run may get; it does the stage again."""


@dataclass(frozen=True)
class Stage:
    """One step of the walk.

    Attributes:
        name: folder name, with its number, e.g. ``03-measure``.
        after: stages whose outputs it reads.
        rooms: packages whose code and data its outputs depend on.
        rule_sections: sections of the rule set that it reads.
        parameters: what else its outputs depend on.
        work: does it; writes into the workspace's folder and returns counts for the manifest.
    """

    name: str
    after: tuple[str, ...]
    rooms: tuple[str, ...]
    rule_sections: tuple[str, ...]
    parameters: Mapping[str, Any]
    work: "Callable[[Workspace], dict[str, Any]]"


@dataclass
class Workspace:
    """Where one stage runs.

    Attributes:
        run: folder of the whole run.
        folder: where this stage writes.
        rules: the rule set.
        executor: who does the work.
        progress: called with (stage, done, total).
    """

    run: Path
    folder: Path
    rules: RuleSet
    executor: Executor = field(default_factory=InProcess)
    progress: Callable[[str, int, int], None] = field(default=lambda _stage, _done, _total: None)
    name: str = ""

    def input(self, stage: str, name: str = "records.parquet") -> Path:
        """Path of an earlier stage's output."""
        return self.run / stage / name

    def save(self, outcome: StageOutcome[R], model: type[R]) -> dict[str, Any]:
        """Write the three outcome files, ordered by ``slice_id``, and return their counts."""
        save_outcome(self.folder, outcome, model)
        return outcome.counts()

    def stream(
        self,
        pieces: Sequence[P],
        model: type[R],
        work: Callable[[P], StageOutcome[R]],
        beside: Mapping[str, type[Record]] | None = None,
        part: str = "",
    ) -> Shards:
        """Run ``work`` on every piece and leave its outcome on disk, one shard a piece.

        The shards that exist are not done again, so that a second run after a kill does only the missing ones.

        Args:
            pieces: picklable inputs, in a stable order, e.g. :func:`neuroonco.streams.rows_of`.
            model: record type of the outcome.
            work: picklable, pure; may return a :class:`neuroonco.streams.ShardOutcome`.
            beside: name of each other file that a shard may hold -> its record type.
            part: of the stage's work, if it streams more than once.
        """
        models = models_of(model, beside or {})
        base = self.folder.absolute() / "shards" / part  # workers of an engine may work in another folder
        folders = [base / f"{number:06d}" for number in range(len(pieces))]
        missing = [n for n, folder in enumerate(folders) if not is_whole(folder)]
        done = len(pieces) - len(missing)
        what = f"{self.name} {part}".strip()
        self.progress(what, done, len(pieces))
        jobs = ((pieces[n], folders[n]) for n in missing)
        for _ in self.executor.map_ordered(partial(_make_shard, work=work, models=models), jobs):
            done += 1
            self.progress(what, done, len(pieces))
        return Shards(folders, models)

    def in_shards(
        self, items: Sequence[Any], model: type[R], work: Callable[[list[Any]], StageOutcome[R]]
    ) -> StageOutcome[R]:
        """Like :meth:`stream` on pieces of a list, but everything is joined in memory, in order."""
        pieces = [list(items[i : i + SHARD_SIZE]) for i in range(0, len(items), SHARD_SIZE)]
        shards = self.stream(pieces, model, work)
        return StageOutcome(
            kept=list(shards.records(RECORDS, model)),
            dropped=list(shards.records(DROPPED, Dropped)),
            quarantined=list(shards.records(QUARANTINED, Quarantined)),
        )

    def save_shards(
        self,
        shards: Shards,
        *,
        rest: StageOutcome[Any] | None = None,
        change: Change | None = None,
        tally: Callable[[pa.Table], None] | None = None,
    ) -> dict[str, Any]:
        """Write shards as the outcome files that :meth:`save` writes, a part at a time, and return their counts.

        Args:
            shards: what :meth:`stream` returned; a file beside the outcome is written too, ordered in the same way.
            rest: dropped and quarantined that come on top.
            change: see :func:`neuroonco.sorting.merge`; of the records alone.
            tally: shown the records as they are written.
        """
        reasons = Tally("reason")
        counts: dict[str, Any] = {}
        for name, model in shards.models.items():
            more: Sequence[Record] = ()
            if rest is not None and name in (DROPPED, QUARANTINED):
                more = rest.dropped if name == DROPPED else rest.quarantined
            counts[name] = merge(
                partial(_tables, shards, name, more, model),
                model,
                self.folder / f"{name}.parquet",
                ties=TIES.get(name),
                change=change if name == RECORDS else None,
                tally={RECORDS: tally, DROPPED: reasons}.get(name),
            )
        found = {"kept": counts[RECORDS], "dropped": counts[DROPPED], "quarantined": counts[QUARANTINED]}
        return found | {"dropped_by_reason": reasons.counts()}


def _make_shard(
    job: tuple[P, Path], *, work: Callable[[P], StageOutcome[Any]], models: Mapping[str, type[Record]]
) -> None:
    """What a worker does with a piece: nothing but the news that it is done goes back."""
    piece, folder = job
    save_shard(folder, work(piece), models)


def _tables(shards: Shards, name: str, more: Sequence[Record], model: type[Record]) -> Iterator[pa.Table]:
    yield from shards.tables(name)
    if more:
        yield table_of(more, model)


def save_outcome(folder: Path, outcome: StageOutcome[R], model: type[R]) -> None:
    """Write ``records``, ``dropped`` and ``quarantined`` as Parquet, each ordered by ``slice_id``."""
    records = sorted(outcome.kept, key=lambda r: (getattr(r, "slice_id", ""), r.model_dump_json()))
    store.save(folder / "records.parquet", records, model)
    dropped = sorted(outcome.dropped, key=lambda d: (d.slice_id, d.reason, d.image_path or ""))
    store.save(folder / "dropped.parquet", dropped, Dropped)
    quarantined = sorted(outcome.quarantined, key=lambda q: (q.slice_id, q.code, q.image_path or ""))
    store.save(folder / "quarantined.parquet", quarantined, Quarantined)


# --- one stage ---


def run_stage(stage: Stage, workspace: Workspace) -> bool:
    """Bring one stage up to date; returns False if it was already.

    Raises:
        InputError: an input is missing or unusable.
    """
    target = workspace.run / stage.name
    fingerprint = fingerprint_of(stage, workspace)
    if is_current(target, fingerprint):
        return False
    unfinished = workspace.run / f"{stage.name}.partial"
    mark = unfinished / "fingerprint"
    if not (mark.exists() and mark.read_text("utf-8") == fingerprint):
        shutil.rmtree(unfinished, ignore_errors=True)
        store.write_text(mark, fingerprint)
    remove_torn(unfinished)
    workspace.folder, workspace.name = unfinished, stage.name
    counts = stage.work(workspace)
    shutil.rmtree(unfinished / "shards", ignore_errors=True)
    mark.unlink(missing_ok=True)
    store.write_json(unfinished / MANIFEST, _manifest(stage, workspace, fingerprint, counts))
    shutil.rmtree(target, ignore_errors=True)
    unfinished.replace(target)
    return True


def is_current(target: Path, fingerprint: str) -> bool:
    """Whether a stage's folder was made from exactly these inputs, holds what was written, and waits for nothing."""
    if not (target / MANIFEST).exists():
        return False
    try:
        manifest = store.read_json(target / MANIFEST)
        outputs = manifest["outputs"].items()
        complete = not manifest["counts"].get(INCOMPLETE)
        unchanged = all(store.sha256_file(target / name) == digest for name, digest in outputs)
    except (InputError, OSError, KeyError, TypeError, AttributeError):
        return False
    return bool(manifest["fingerprint"] == fingerprint and unchanged and complete)


def fingerprint_of(stage: Stage, workspace: Workspace) -> str:
    """Hash of everything that a stage's outputs depend on."""
    inputs = [store.sha256_file(workspace.run / name / MANIFEST) for name in stage.after]
    parameters = [f"{key}={value!r}" for key, value in sorted(stage.parameters.items())]
    rules = workspace.rules.digest(*stage.rule_sections)
    return store.sha256_text(stage.name, code_digest(stage.rooms), rules, *inputs, *parameters)


def _manifest(stage: Stage, workspace: Workspace, fingerprint: str, counts: dict[str, Any]) -> dict[str, Any]:
    folder = workspace.folder
    outputs = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {
        "stage": stage.name,
        "neuroonco": __version__,
        "fingerprint": fingerprint,
        "code": code_digest(stage.rooms),
        "rules": {"name": workspace.rules.name, "digest": workspace.rules.digest(*stage.rule_sections)},
        "inputs": {name: store.sha256_file(workspace.run / name / MANIFEST) for name in stage.after},
        "parameters": dict(sorted(stage.parameters.items())),
        "counts": counts,
        "outputs": {p.relative_to(folder).as_posix(): store.sha256_file(p) for p in outputs},
    }
