"""A folder with an Inspect task; Inspect itself is not needed to write it."""

from pathlib import Path

from neuroonco import store
from neuroonco.export.folder import exported_folder
from neuroonco.export.questions import Exportable
from neuroonco.export.records import Export, Target
from neuroonco.export.writing import README, template, write_manifest, write_pictures, write_questions

TASK_FILE = "neuroonco_task.py"


def write_inspect(found: Exportable, out: Path) -> Export:
    """Write a folder that ``inspect eval`` takes.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    with exported_folder(out) as folder:
        write_questions(folder, found)
        write_pictures(folder, found)
        kind = found.kind.value
        store.write_text(folder / TASK_FILE, template("inspect_task.txt", kind=kind))
        store.write_text(folder / README, template("inspect_readme.txt", kind=kind.capitalize()))
        return write_manifest(folder, found, Target.INSPECT)
