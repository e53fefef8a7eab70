"""Run stages on disk: skip what is unchanged, resume what was cut off, leave a manifest of what was done.

A stage writes into ``NN-name.partial`` and is moved to ``NN-name`` when it is complete, so a folder with that name
is always whole. Work that is independent from record to record runs in shards, in several processes, and every
finished shard stays in the partial folder until the stage is complete.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from neuroonco import __version__, store
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome
from neuroonco.rules import RuleSet

R = TypeVar("R", bound=Record)
SHARD_SIZE = 32
"""Items a shard: what a kill can lose is one shard a process."""
MANIFEST = "manifest.json"


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
        map: the built-in, or one over several processes; see :func:`workers`.
        progress: called with (stage, done, total).
    """

    run: Path
    folder: Path
    rules: RuleSet
    map: Callable[..., Iterator[Any]] = map
    progress: Callable[[str, int, int], None] = field(default=lambda _stage, _done, _total: None)
    name: str = ""

    def input(self, stage: str, name: str = "records.parquet") -> Path:
        """Path of an earlier stage's output."""
        return self.run / stage / name

    def save(self, outcome: StageOutcome[R], model: type[R]) -> dict[str, Any]:
        """Write the three outcome files, ordered by ``slice_id``, and return their counts."""
        save_outcome(self.folder, outcome, model)
        return outcome.counts()

    def in_shards(
        self, items: Sequence[Any], model: type[R], work: Callable[[list[Any]], StageOutcome[R]]
    ) -> StageOutcome[R]:
        """Run ``work`` over pieces of ``items`` and join the outcomes in order.

        Finished pieces are kept on disk, so that a second run after a kill does only the missing ones.

        Args:
            items: picklable inputs, in a stable order.
            model: record type of the outcome.
            work: picklable, pure.
        """
        pieces = [list(items[i : i + SHARD_SIZE]) for i in range(0, len(items), SHARD_SIZE)]
        folders = [self.folder / "shards" / f"{number:06d}" for number in range(len(pieces))]
        missing = [n for n, folder in enumerate(folders) if not (folder / "kept.parquet").exists()]
        done = len(pieces) - len(missing)
        self.progress(self.name, done, len(pieces))
        for number, outcome in zip(missing, self.map(work, [pieces[n] for n in missing]), strict=True):
            _save_shard(folders[number], outcome, model)
            done += 1
            self.progress(self.name, done, len(pieces))
        joined: StageOutcome[R] = StageOutcome()
        for folder in folders:
            joined.extend(_load_shard(folder, model))
        return joined


def save_outcome(folder: Path, outcome: StageOutcome[R], model: type[R]) -> None:
    """Write ``records``, ``dropped`` and ``quarantined`` as Parquet, each ordered by ``slice_id``."""
    records = sorted(outcome.kept, key=lambda r: (getattr(r, "slice_id", ""), r.model_dump_json()))
    store.save(folder / "records.parquet", records, model)
    dropped = sorted(outcome.dropped, key=lambda d: (d.slice_id, d.reason, d.image_path or ""))
    store.save(folder / "dropped.parquet", dropped, Dropped)
    quarantined = sorted(outcome.quarantined, key=lambda q: (q.slice_id, q.code, q.image_path or ""))
    store.save(folder / "quarantined.parquet", quarantined, Quarantined)


def _save_shard(folder: Path, outcome: StageOutcome[R], model: type[R]) -> None:
    store.save(folder / "dropped.parquet", outcome.dropped, Dropped)
    store.save(folder / "quarantined.parquet", outcome.quarantined, Quarantined)
    store.save(folder / "kept.parquet", outcome.kept, model)  # last: its presence says that the shard is whole


def _load_shard(folder: Path, model: type[R]) -> StageOutcome[R]:
    return StageOutcome(
        kept=store.load_strict(folder / "kept.parquet", model),
        dropped=store.load_strict(folder / "dropped.parquet", Dropped),
        quarantined=store.load_strict(folder / "quarantined.parquet", Quarantined),
    )


@contextmanager
def workers(processes: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A ``map`` over so many processes; they start with the first work and end with the block.

    Raises:
        PrerequisiteError: a worker was killed from outside, most likely for memory.
    """
    if processes <= 1:
        yield map
        return
    # forkserver: workers start clean, without the parent's threads; available wherever Linux or macOS is.
    context = get_context("forkserver")
    context.set_forkserver_preload(["neuroonco.walk.work"])
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool.map
        pool.shutdown()
    except BrokenProcessPool:
        fix = "use --processes 1, or a machine with more memory; finished work is kept"
        raise PrerequisiteError("WORKER_DIED", "a worker process was killed", fix=fix) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Make a worker end when the run is killed: nobody else would tell it, and it would wait for work for ever."""

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    parent = parent_process()
    if parent is not None:
        threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


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
    partial = workspace.run / f"{stage.name}.partial"
    mark = partial / "fingerprint"
    if not (mark.exists() and mark.read_text("utf-8") == fingerprint):
        shutil.rmtree(partial, ignore_errors=True)
        store.write_text(mark, fingerprint)
    for torn in partial.rglob(".*.tmp"):  # left by a kill in the middle of writing a file
        torn.unlink()
    workspace.folder, workspace.name = partial, stage.name
    counts = stage.work(workspace)
    shutil.rmtree(partial / "shards", ignore_errors=True)
    mark.unlink(missing_ok=True)
    store.write_json(partial / MANIFEST, _manifest(stage, workspace, fingerprint, counts))
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    return True


def is_current(target: Path, fingerprint: str) -> bool:
    """Whether a stage's folder was made from exactly these inputs and still holds what was written."""
    if not (target / MANIFEST).exists():
        return False
    try:
        manifest = store.read_json(target / MANIFEST)
        outputs = manifest["outputs"].items()
        unchanged = all(store.sha256_file(target / name) == digest for name, digest in outputs)
    except (InputError, OSError, KeyError, TypeError, AttributeError):
        return False
    return bool(manifest["fingerprint"] == fingerprint and unchanged)


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


@cache
def code_digest(rooms: tuple[str, ...]) -> str:
    """Hash of the code and data files of some rooms, and of the modules that all rooms share."""
    package = files("neuroonco")
    shared = [e for e in package.iterdir() if e.name.endswith(".py")]
    names = sorted({*rooms, "vocabulary"})
    parts = [part for entry in sorted(shared, key=lambda e: e.name) for part in (entry.name, _text(entry))]
    for name in names:
        for path, entry in sorted(_walk(package.joinpath(name), name), key=lambda pair: pair[0]):
            parts += [path, _text(entry)]
    return store.sha256_text(*parts)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry, f"{prefix}/{entry.name}")
        elif entry.name.endswith((".py", ".toml", ".md", ".html", ".css")):
            yield f"{prefix}/{entry.name}", entry


def _text(entry: Traversable) -> str:
    return entry.read_text("utf-8")


def tree_digest(root: Path, folders: Sequence[str]) -> str:
    """Hash of the names and contents of all files under some folders of a root; unreadable ones count by name."""
    parts: list[str] = []
    for folder in folders:
        base = root / folder
        for directory, subdirectories, names in os.walk(base):
            subdirectories.sort()
            for name in sorted(names):
                path = Path(directory) / name
                relative = os.fsencode(path.relative_to(root)).hex()
                try:
                    regular = path.is_file()
                    parts += [relative, store.sha256_file(path) if regular else "not a file"]
                except OSError as error:
                    parts += [relative, f"unreadable: {error.errno}"]
    return store.sha256_text(*parts)
