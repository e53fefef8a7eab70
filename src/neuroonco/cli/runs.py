"""Folders of runs as arguments of commands."""

from pathlib import Path

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.walk.folders import PHANTOM_IMAGES, PHANTOMS, RUN_FILE
from neuroonco.walk.profile import Profile


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    return (folder / RUN_FILE).exists()


def profile_of(run: Path) -> Profile:
    """The profile that a run was made with.

    Raises:
        InputError: there is no run, or its file is broken.
    """
    if not is_run(run):
        raise InputError("RUN_MISSING", "no run here", where=str(run), fix="pass the folder of a run")
    try:
        return Profile.model_validate(store.read_json(run / RUN_FILE))
    except ValueError:
        raise InputError("RUN_BROKEN", "run.json is not a profile", where=str(run), fix="run it again") from None


def phantom_root(run: Path) -> Path:
    """Folder of a run's own synthetic slices."""
    return run / PHANTOMS / PHANTOM_IMAGES
