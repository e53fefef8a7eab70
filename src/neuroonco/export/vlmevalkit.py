"""Tables for VLMEvalKit: one whose questions VLMEvalKit words and scores itself, and one that asks as we do.

The columns are those of https://github.com/open-compass/VLMEvalKit/blob/main/docs/en/Development.md, beside ``name``,
which VLMEvalKit carries along, so that its results can be read back.
"""

import csv
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

from neuroonco import store
from neuroonco.export.folder import exported_folder
from neuroonco.export.questions import Exportable
from neuroonco.export.records import Export, ExportedQuestion, Question, Target
from neuroonco.export.writing import README, template, write_manifest
from neuroonco.predict.telling import told

CHOICE = "neuroonco_choice"
"""Dataset of multiple-choice questions: VLMEvalKit takes a table with columns A and B for one."""
AS_ASKED = {"closed": "neuroonco_closed_openended", "open": "neuroonco_open_openended"}
"""Datasets whose question is all that the model is told; by ``openended`` VLMEvalKit knows that it adds no words."""
READ_AS_MISSING = frozenset(
    {
        *("", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
        *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    }
)
"""Texts that pandas takes for an empty cell. VLMEvalKit drops an option whose cell is empty."""


def write_vlmevalkit(found: Exportable, out: Path) -> Export:
    """Write a folder that VLMEvalKit takes as ``LMUData``.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    with exported_folder(out) as folder:
        kind = found.kind.value
        closed = [one for one in found.questions if isinstance(one, ExportedQuestion)]
        write_table(folder / f"{AS_ASKED[kind]}.tsv", found.questions, found.pictures, as_asked=True)
        if closed:
            write_table(folder / f"{CHOICE}.tsv", closed, found.pictures, as_asked=False)
        readme = template(f"vlmevalkit_{kind}_readme.txt", choice=CHOICE, as_asked=AS_ASKED[kind])
        store.write_text(folder / README, readme)
        return write_manifest(folder, found, Target.VLMEVALKIT)


def write_table(path: Path, questions: Sequence[Question], pictures: dict[str, bytes], *, as_asked: bool) -> None:
    """Write one table.

    The picture of several questions stands in the row of the first of them; the others name that row, which
    VLMEvalKit resolves.

    Args:
        path: ``.tsv``.
        questions: in this order, numbered from 0.
        pictures: name -> PNG.
        as_asked: the question is all that the model is told; else the options have columns of their own.
    """
    letters = [] if as_asked else letters_of(questions)
    columns = ["index", "name", "image", "question", *letters, "answer", "category", "l2-category"]
    first: dict[str, int] = {}
    with store.atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL)
        table.writerow(columns)
        for index, question in enumerate(questions):
            row = first.setdefault(question.image, index)
            image = b64encode(pictures[question.image]).decode("ascii") if row == index else str(row)
            asked = question.prompt if as_asked else told(question.question)
            options = [option_cell(question, letter) for letter in letters]
            answer, (kind, group) = cell(question.target), _categories(question)
            table.writerow([index, question.name, image, cell(asked), *options, answer, cell(kind), group])


def letters_of(questions: Iterable[Question]) -> list[str]:
    """Letters that any question offers, sorted; at least A and B, by which VLMEvalKit knows multiple choice."""
    offered = {letter for one in questions if isinstance(one, ExportedQuestion) for letter in one.texts}
    return sorted(offered | {"A", "B"})


def option_cell(question: Question, letter: str) -> str:
    """Text of an option as it stands in its cell; empty where the letter is not offered."""
    text = question.texts.get(letter) if isinstance(question, ExportedQuestion) else None
    if text is None:
        return ""
    return cell(told(text))


def cell(text: str) -> str:
    """A text as it stands in its cell: without NUL, at which readers end a cell.

    A space is added to a text that would be read as an empty cell, so that the option "None" is not lost.
    """
    text = text.replace("\0", "")
    return f"{text} " if text in READ_AS_MISSING else text


def _categories(question: Question) -> tuple[str, str]:
    if isinstance(question, ExportedQuestion):
        item = question.item()
        return item.reported_type, "binary" if item.is_binary else "multiple_choice"
    return question.question_type, "open"
