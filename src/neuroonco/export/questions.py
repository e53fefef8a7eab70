"""What of a benchmark can be exported: its questions under opaque names, and their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuroonco import store
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.export.pictures import PictureFiles
from neuroonco.export.records import ExportedOpenQuestion, ExportedQuestion, Question
from neuroonco.export.replies import prompt_hashes, prompt_of
from neuroonco.predict.askable import require_askable
from neuroonco.predict.records import QuestionKind
from neuroonco.predict.run_files import benchmark_hash

NAME_CHARS = 20
"""Hexadecimal digits of a name: 80 bits, so that two questions never share one."""
TWIN, MISSING_IMAGE = "twin", "missing_image"
Item = ClosedItem | OpenItem
Items = Sequence[ClosedItem] | Sequence[OpenItem]


@dataclass(frozen=True)
class Missing:
    """A picture that could not be read.

    Attributes:
        image_path: for the person who exports; it goes into no export.
        questions: how many ask about it.
    """

    image_path: str
    code: str
    what: str
    questions: int


@dataclass(frozen=True)
class Exportable:
    """A benchmark as it is exported.

    Attributes:
        questions: in the order of their opaque names, those of an image together.
        pictures: name -> PNG of its pixels alone.
        missing: pictures that could not be read, with their questions left out.
        left_out: questions that are not exported, by reason.
    """

    kind: QuestionKind
    benchmark_sha256: str
    questions: list[Question] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _salt_of(items: Items, sha256: str) -> str:
    """What names are made with: it changes with the benchmark, and is known to nobody who has not all of its ids.

    The hash of a benchmark alone will not do: runs, tables and the export itself state it.
    """
    told = sorted({f"{item.image_id}\0{item.image_path}" for item in items})
    return store.sha256_text("names of an export", sha256, *told)


def question_names(items: Items, sha256: str | None = None) -> dict[str, Item]:
    """Each question by its opaque name, twins included.

    The names come from the benchmark alone, so that a log of another program can be read with the benchmark in hand
    and no other file. They cannot be undone without it, by no hash that is written anywhere.

    Args:
        items: the benchmark.
        sha256: of it, where known already.

    Raises:
        InputError: the benchmark has a question twice.
    """
    salt = _salt_of(items, sha256 or benchmark_hash(items))
    found: dict[str, Item] = {}
    for item in items:
        number = str(item.q_index) if isinstance(item, ClosedItem) else item.question_id
        name = "q" + store.sha256_text("exported question", salt, item.image_id, number)[:NAME_CHARS]
        if name in found:
            where = f"id {item.image_id}, question {number}"
            raise InputError("QUESTION_TWICE", "the benchmark has this question twice", where=where)
        found[name] = item
    return found


def exportable(items: Items, root: Path) -> Exportable:
    """Prepare a benchmark for export.

    Twins are left out: beside the question that they repeat they give the answer away to who sees both, and they count
    in no accuracy. What has no readable picture is left out and listed.

    Args:
        items: the benchmark, closed or open.
        root: folder to which image paths are relative.

    Raises:
        InputError: a question cannot be put; see :func:`neuroonco.predict.askable.require_askable`.
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    require_askable(items)
    sha256 = benchmark_hash(items)
    kind = QuestionKind.OPEN if items and isinstance(items[0], OpenItem) else QuestionKind.CLOSED
    names = question_names(items, sha256)
    found = Exportable(kind, sha256, prompts=prompt_hashes(items))
    asked = [(name, item) for name, item in names.items() if getattr(item, "twin_of", None) is None]
    by_picture: dict[tuple[str, str, int | None, int | None], list[tuple[str, Item]]] = {}
    for name, item in asked:
        key = (item.image_id, item.image_path, item.image_channel, item.image_slice)
        by_picture.setdefault(key, []).append((name, item))
    files, salt = PictureFiles(root), _salt_of(items, sha256)
    for key, questions in by_picture.items():
        try:
            data = files.png(questions[0][1])
        except InputError as error:
            found.missing.append(Missing(key[1], error.code, error.what, len(questions)))
            continue
        image = "i" + store.sha256_text("exported image", salt, *map(str, key))[:NAME_CHARS]
        found.pictures[image] = data
        for name, item in questions:
            question = _closed(name, image, item) if isinstance(item, ClosedItem) else _open(name, image, item)
            found.questions.append(question)
    if files.warning:
        found.warnings.append(files.warning)
    found.questions.sort(key=lambda one: (one.image, one.q_index if isinstance(one, ExportedQuestion) else 0, one.name))
    left_out = {TWIN: len(items) - len(asked), MISSING_IMAGE: sum(one.questions for one in found.missing)}
    found.left_out.update({reason: n for reason, n in left_out.items() if n})
    return found


def _closed(name: str, image: str, item: ClosedItem) -> ExportedQuestion:
    return ExportedQuestion(
        name=name,
        image=image,
        q_index=item.q_index,
        question_type=item.question_type,
        prompt=prompt_of(item),
        question=item.question,
        options=item.options,
        answer=item.answer,
    )


def _open(name: str, image: str, item: OpenItem) -> ExportedOpenQuestion:
    return ExportedOpenQuestion(
        name=name,
        image=image,
        question_type=item.question_type,
        prompt=prompt_of(item),
        question=item.question,
        reference_answer=item.reference_answer,
        key_terms=item.key_terms,
        version=item.version,
    )
