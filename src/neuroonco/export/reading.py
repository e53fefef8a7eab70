"""Read an exported folder back."""

from pathlib import Path

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.export.folder import read_manifest
from neuroonco.export.records import ExportedOpenQuestion, ExportedQuestion, Question
from neuroonco.export.writing import IMAGES, QUESTIONS
from neuroonco.predict.records import QuestionKind


def read_questions(folder: Path) -> list[Question]:
    """The questions of an exported folder, in the order in which they were written.

    Raises:
        InputError: it is no export, or not as it was written.
    """
    manifest, path = read_manifest(folder), folder / QUESTIONS
    found: list[Question] = []
    if manifest.kind is QuestionKind.CLOSED:
        found.extend(store.load_strict(path, ExportedQuestion))
    else:
        found.extend(store.load_strict(path, ExportedOpenQuestion))
    if len(found) != manifest.questions:
        what = f"{len(found)} questions, and {manifest.questions} were exported"
        raise InputError("EXPORT_CHANGED", what, where=str(path), fix="export again")
    return found


def read_pictures(folder: Path, questions: list[Question]) -> dict[str, bytes]:
    """The pictures of questions by name.

    Raises:
        InputError: one is missing.
    """
    found: dict[str, bytes] = {}
    for name in sorted({question.image for question in questions}):
        path = folder / IMAGES / f"{name}.png"
        try:
            found[name] = path.read_bytes()
        except OSError as error:
            what = error.strerror or "unreadable"
            raise InputError("EXPORT_CHANGED", what, where=str(path), fix="export again") from None
    return found
