"""Gather what the page on questions shows from a run's files."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import images, store
from neuroonco.build.benchmark.build import SHORTAGES
from neuroonco.build.instruct.export import file_name
from neuroonco.build.instruct.records import FILE_KINDS
from neuroonco.build.instruct.statistics import STATISTICS
from neuroonco.build.records import ClosedItem
from neuroonco.report.pictures import Album
from neuroonco.report.question_records import InstructionExample, QuestionsPage
from neuroonco.report.records import Fact, ReportContext
from neuroonco.vocabulary import QuestionType, display, recode
from neuroonco.walk import question_figures as figures
from neuroonco.walk.folders import BENCHMARK, BUILD, INSTRUCTIONS
from neuroonco.walk.instruction_figures import KINDS, SUBTYPES, instruction_summary

PAGE = "questions.html"
"""Beside the run's main page."""
EXAMPLES_OF_A_KIND = 2
LINES_READ = 2_000
"""Of a file, to find examples of different images and types."""
MAX_LINE_BYTES = 1_000_000
MAX_LINES, MAX_CHARACTERS = 24, 400
"""Of a text that are shown, and of one of its lines."""
SIDE_PX = 240


@dataclass(frozen=True)
class Place:
    """A picture that a line of instruction data names."""

    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None


def gather(
    run: Path,
    root: Path,
    context: ReportContext,
    items: Sequence[ClosedItem],
    leaks: dict[str, Any] | None,
    *,
    home: str,
) -> QuestionsPage:
    """Everything that the page on benchmark and instructions shows.

    Args:
        run: folder of the run.
        root: folder of the pictures.
        context: of the run's own page, whose figures are not made twice.
        items: the benchmark.
        leaks: what was compared between benchmark and instructions; None if nothing was.
        home: relative address of the run's report.
    """
    made = run / BUILD
    shortages, statistics = made / BENCHMARK / SHORTAGES, made / INSTRUCTIONS / STATISTICS
    return QuestionsPage(
        title=context.title,
        home=home,
        benchmark=context.benchmark,
        letters=figures.letter_table(items),
        spread=figures.answer_spread(items),
        shortages=figures.shortages(store.read_json(shortages)) if shortages.is_file() else None,
        blind=context.blind,
        instructions=instruction_summary(store.read_json(statistics)) if statistics.is_file() else None,
        examples=tuple(_examples(made / INSTRUCTIONS, Album(partial(images.read_picture, root)))),
        leaks=None if leaks is None else figures.leak_summary(leaks),
        missing=tuple(file.relative_to(run).as_posix() for file in (shortages, statistics) if not file.is_file()),
    )


def _examples(folder: Path, album: Album) -> Iterator[InstructionExample]:
    """Some pairs of each kind, of different images and question types as far as the heads of the files have them."""
    shown: set[str] = set()
    number = 0
    for kind in FILE_KINDS:
        lines = list(_lines(folder / file_name(kind)))
        for _ in range(EXAMPLES_OF_A_KIND):
            fitting = [line for line in lines if shown.isdisjoint({_image(line), _type(line)})]
            fitting = fitting or [line for line in lines if _image(line) not in shown] or lines
            if not fitting:
                break
            lines.remove(fitting[0])
            shown |= {_image(fitting[0]), _type(fitting[0])}
            number += 1
            yield _example(fitting[0], kind, album, number)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The first lines of a file that read as pairs of one image; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            for _ in range(LINES_READ):
                line = file.readline(MAX_LINE_BYTES)
                if not line:
                    return
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if _is_pair(found):
                    yield found
    except OSError:
        return


def _is_pair(found: Any) -> bool:
    try:
        texts = [*found["images"], *(turn["content"] for turn in found["messages"])]
        return len(found["images"]) == 1 and len(texts) == 3 and all(isinstance(text, str) for text in texts)
    except (KeyError, TypeError):
        return False


def _image(line: dict[str, Any]) -> str:
    return f"image {line['images'][0]}"


def _meta(line: dict[str, Any], name: str) -> str:
    meta = line.get("meta")
    return str(meta.get(name) or "") if isinstance(meta, dict) else ""


def _type(line: dict[str, Any]) -> str:
    return f"type {_meta(line, 'question_type')}"


def _example(line: dict[str, Any], kind: str, album: Album, number: int) -> InstructionExample:
    user, assistant = (turn["content"] for turn in line["messages"])
    name, subtype = _meta(line, "question_type"), _meta(line, "subtype")
    known = recode(QuestionType, name)
    facts = {
        "Type": name if known is None else display(known),
        "Kind": SUBTYPES.get(subtype, subtype),
        "Source": _meta(line, "source"),
    }
    return InstructionExample(
        picture=album.picture(Place(line["images"][0]), f"MRI slice of example {number}", SIDE_PX),
        kind=KINDS[kind],
        facts=tuple(Fact(name=n, value=value) for n, value in facts.items() if value),
        user=_shown(user.removeprefix("<image>")),
        assistant=_shown(assistant),
    )


def _shown(text: str) -> tuple[str, ...]:
    lines = text.strip().splitlines()
    cut = [line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]}…" for line in lines[:MAX_LINES]]
    return (*cut, "…") if len(lines) > MAX_LINES else tuple(cut)
