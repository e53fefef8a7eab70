"""What all exported folders have: questions, pictures, a word to the reader, and what the folder is."""

from importlib.resources import files
from pathlib import Path

from neuroonco import __version__, store
from neuroonco.export.folder import MANIFEST
from neuroonco.export.questions import Exportable
from neuroonco.export.records import Export, Target

README = "README.txt"
IMAGES = "images"
QUESTIONS = "questions.jsonl"


def template(name: str, **values: str) -> str:
    """A file that is written into exports, with its ``@NAME@`` marks filled in."""
    text = files("neuroonco.export").joinpath("templates", name).read_text("utf-8")
    for mark, value in values.items():
        text = text.replace(f"@{mark.upper()}@", value)
    return text


def write_questions(folder: Path, found: Exportable) -> None:
    """One JSON line a question."""
    lines = (question.model_dump_json() + "\n" for question in found.questions)
    store.write_text(folder / QUESTIONS, "".join(lines))


def write_pictures(folder: Path, found: Exportable) -> None:
    """One PNG a picture, under its opaque name."""
    (folder / IMAGES).mkdir()
    for name, data in sorted(found.pictures.items()):
        (folder / IMAGES / f"{name}.png").write_bytes(data)


def write_manifest(folder: Path, found: Exportable, target: Target) -> Export:
    """Say what the folder is; the last file that is written."""
    manifest = Export(
        target=target,
        kind=found.kind,
        benchmark_sha256=found.benchmark_sha256,
        questions=len(found.questions),
        images=len(found.pictures),
        left_out=found.left_out,
        prompts=found.prompts,
        entries=tuple(sorted(path.name for path in folder.iterdir())),
        version=__version__,
    )
    store.write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return manifest
