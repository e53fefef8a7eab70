"""Walk a profile from its first stage to its report."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neuroonco import store
from neuroonco.errors import InputError, UsageError
from neuroonco.executors import ExecutorKind, executor
from neuroonco.pipeline import Workspace, run_stage
from neuroonco.walk.asking import Asking
from neuroonco.walk.described import sources_of
from neuroonco.walk.folders import PHANTOM_IMAGES, PHANTOMS, REPORT, RUN_FILE
from neuroonco.walk.models import named_models
from neuroonco.walk.page import write_report
from neuroonco.walk.profile import Profile, rules_of
from neuroonco.walk.stages import stages_of


@dataclass(frozen=True)
class Walked:
    """What a run did.

    Attributes:
        report: path of the HTML page.
        done: stages that were worked on.
        skipped: stages that were up to date.
    """

    report: Path
    done: list[str]
    skipped: list[str]


def walk(
    profile: Profile,
    run: Path,
    *,
    root: Path | None = None,
    decisions: Path | None = None,
    sources: Path | None = None,
    processes: int = 1,
    kind: ExecutorKind = ExecutorKind.PROCESSES,
    asking: Asking | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Walked:
    """Run all stages of a profile; stages whose inputs, rules and code are unchanged are skipped.

    Args:
        profile: what to walk over.
        run: folder of the run; made if absent.
        root: folder of the collections; not for a profile that draws phantoms.
        decisions: readers' decisions on benchmark items.
        sources: folder of further source descriptions; what they say goes into the run, the folder does not.
        processes: how many processes may work.
        kind: who does the work; the outputs are the same.
        asking: how the models are asked that the profile names.
        progress: called with (stage, done, total).

    Raises:
        UsageError: a root is missing, or given to a profile that draws its own slices; a source is not described.
        InputError: the root or the run's folder cannot be used, or another process works in it.
        PrerequisiteError: the executor is not installed, or lost a process; or a model's key is missing.
        ProviderError: see :func:`neuroonco.walk.asking.ask_all`; finished stages and all answers are kept.
    """
    asking = asking or Asking()
    run = run.absolute()  # workers of an engine may work in another folder
    root = None if root is None else root.absolute()
    for named in named_models(profile.models, asking):
        if not asking.replay:
            named.require_connection()
    for name in profile.readers.models:
        model = asking.resolved(name)
        if not asking.replay:
            model.connection()  # a missing key is better known now than after an hour
    if profile.phantoms is not None:
        if sources is not None:
            what = f"profile {profile.name} draws its own slices"
            raise UsageError("SOURCES_UNUSED", what, fix="leave out --sources")
        if root is not None:
            raise UsageError("ROOT_UNUSED", f"profile {profile.name} draws its own slices", fix="leave out --root")
        root = run / PHANTOMS / PHANTOM_IMAGES
    elif root is None:
        raise UsageError("ROOT_NEEDED", f"profile {profile.name} reads collections", fix="pass --root FOLDER")
    if profile.source_descriptions is not None and sources is None:
        # Going on with the package's descriptions alone could read the folders by other rules and other terms.
        what = f"profile {profile.name} has descriptions of its own"
        raise UsageError("SOURCES_NEEDED", what, fix="pass the folder that description_folder() gives")
    described = sources_of(profile, sources)
    workspace = Workspace(run=run, folder=run, rules=rules_of(profile))
    if progress is not None:
        workspace.progress = progress
    done: list[str] = []
    skipped: list[str] = []
    with locked(run), executor(kind, processes) as workspace.executor:
        for torn in [*run.glob(".*.tmp"), *(run / REPORT).rglob(".*.tmp")]:  # left by a kill while writing
            torn.unlink()
        store.write_json(run / RUN_FILE, profile.model_dump(mode="json"))
        for stage in stages_of(profile, root, decisions, described, asking):
            (done if run_stage(stage, workspace) else skipped).append(stage.name)
        report = write_report(run, profile, root, run / REPORT / "index.html")
    return Walked(report=report, done=done, skipped=skipped)


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run's folder for one process; the system lets go of it when the process ends, however it ends.

    Raises:
        InputError: the folder cannot be made, or another process holds it.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = (run / ".lock").open("w", encoding="utf-8")
    except OSError as error:
        what = error.strerror or "cannot be made"
        raise InputError("CANNOT_WRITE", what, where=str(run), fix="choose a writable folder") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fix = "wait for it, or choose another --out"
            raise InputError("RUN_BUSY", "another process works on this run", where=str(run), fix=fix) from None
        yield
