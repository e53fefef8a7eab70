"""The page on questions: figures from the files of build and check, and a page that is safe and true to them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from closed_items import closed_item
from neuroonco import store
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem
from neuroonco.check.records import ALL, BINARY, PLAIN, REJECTION, BenchmarkCheck, BlindRow, Finding, TwinRow
from neuroonco.errors import InputError
from neuroonco.intervals import wilson
from neuroonco.report.blind import below_chance, told_by_siblings
from neuroonco.report.question_records import QuestionsPage
from neuroonco.report.questions import render_questions
from neuroonco.report.records import ReportContext
from neuroonco.vocabulary import QuestionType
from neuroonco.walk import question_figures as figures
from neuroonco.walk.instruction_figures import instruction_summary
from neuroonco.walk.question_page import gather
from test_report_page import HOSTILE, SHOWN, Page

SHAPES = ("Round", "Oval", "Irregular", NONE_OF_THE_ABOVE)
SECTIONS = ["benchmark", "answers", "shortages", "blind", "instructions", "examples"]


def shape(image_id: str, answer: str, removed: str | None = None) -> ClosedItem:
    item = closed_item(image_id, answer, texts=SHAPES, question_type=QuestionType.SHAPE)
    return item.model_copy(update={"removed_answer": removed})


def small_benchmark() -> list[ClosedItem]:
    """Round twice, Oval once, Lobulated once and not offered; a binary diagnosis; a twin that counts nowhere."""
    twin = closed_item("1", "B", q_index=1, texts=SHAPES, question_type=QuestionType.SHAPE)
    return [
        shape("1", "A"),
        shape("2", "A"),
        shape("3", "B"),
        shape("4", "D", removed="Lobulated"),
        closed_item("5", "B", texts=("Abnormal", "Healthy")),
        twin.model_copy(update={"twin_of": 0}),
    ]


def check_document() -> dict[str, object]:
    """A check that fails on shape, as a run writes it."""

    def row(guesser: str, right: int, n: int, kind: str | None = None, subset: str = ALL, **more: float) -> BlindRow:
        values = {"chance": 0.2 if n else None} | more
        return BlindRow(guesser=guesser, question_type=kind, subset=subset, accuracy=wilson(right, n), **values)

    checked = BenchmarkCheck(
        questions=600,
        findings=(Finding(code="NEVER_RIGHT", level="warning", n=3, examples=(HOSTILE,)),),
        blind=(
            row("ranker", 150, 600, chance=0.26, limit=0.29),
            row("majority", 90, 600, chance=0.26, limit=0.29),
            row("always-e", 160, 400, limit=0.23),
            row("siblings", 420, 600, chance=0.26),
            row("ranker", 180, 300, "shape", limit=0.25),
            row("ranker", 20, 200, "diagnosis", limit=0.25),
            row("always-e", 0, 0, "diagnosis"),
            row("ranker", 60, 100, "diagnosis_binary", chance=0.5),
            row("siblings", 90, 100, "diagnosis_binary", chance=0.5),
            row("siblings", 20, 100, "diagnosis"),
            row("ranker", 10, 80, subset=REJECTION),
            row("ranker", 130, 320, subset=PLAIN),
            row("ranker", 0, 0, subset=BINARY),
        ),
        twins=(TwinRow(guesser="ranker", both_right=wilson(3, 50)),),
        reasons=("ranker above the limit on shape",),
    )
    return json.loads(json.dumps(checked.document()))


STATISTICS = {
    "pairs": {"open": 30, "closed_nocot": 40, "closed_cot": 30},
    "images": 20,
    "images_by_class": {"glioma": 9, "healthy": 6, "tumor": 4, "unlabeled": 1},
    "by_type": {"open": {"shape": 30}, "closed_nocot": {"shape": 10, "modality": 30}, "closed_cot": {"modality": 30}},
    "by_class": {},
    "by_source": {"open": {"01": 30}, "closed_nocot": {"01": 40}, "closed_cot": {HOSTILE: 30}},
    "by_subtype": {"open": {"open": 30}, "closed_nocot": {"options": 40}, "closed_cot": {"none_of_the_above": 30}},
    "faults": {HOSTILE: 2},
    "distinct_questions": 12,
}
SHORTAGES = [
    {
        "wording": "location_in_head",
        "wanted": 900,
        "built": 20,
        "available": {"center": 40, "upper_left": 10},
        "missing": {"upper_left": 90},
        "why": "upper_left is rare",
        "said": "upper_left is rare: 90 more slices",
    },
    {"wording": HOSTILE, "wanted": 2, "built": 0, "available": {HOSTILE: 1}, "missing": {HOSTILE: 1}, "said": HOSTILE},
]
LEAKS = {
    "benchmark_slices": 75,
    "instruction_slices": 224,
    "compared": "slice ids and paths",
    "leaks": [{"kind": "patient"}, {"kind": "patient"}, {"kind": "pixels"}],
    "not_compared": 0,
}


def test_the_benchmark_is_counted_without_twins() -> None:
    summary = figures.benchmark_summary(small_benchmark())
    assert (summary.images, summary.questions, summary.twins) == (5, 5, 1)
    counts = {t.question_type.value: (t.questions, t.rejections, t.binary) for t in summary.by_type}
    assert counts == {"diagnosis": (1, 0, 1), "shape": (4, 1, 0)}


def test_answers_are_spread_by_what_is_right_not_by_what_is_offered() -> None:
    binary, shapes = figures.answer_spread(small_benchmark())
    assert (binary.question_type, binary.binary) == (QuestionType.DIAGNOSIS, True)
    assert {a.text: (a.right, a.removed, a.offered) for a in binary.answers} == {
        "Healthy": (1, 0, 1),
        "Abnormal": (0, 0, 1),
    }
    assert [(a.text, a.right, a.removed, a.offered) for a in shapes.answers] == [
        ("Round", 2, 0, 4),
        ("Lobulated", 0, 1, 0),
        ("Oval", 1, 0, 4),
        ("Irregular", 0, 0, 4),
    ]
    assert shapes.most == 2


def test_letters_are_counted_among_questions_that_offer_equally_many() -> None:
    table = figures.letter_table(small_benchmark())
    assert table.columns == ("A", "B", "C", "D")
    assert table.rows == (("2 terms", (0, 1, None, None)), ("3 terms and E", (2, 1, 0, 1)))


def test_the_check_is_read_as_it_is_written() -> None:
    check = figures.blind_check(check_document())
    assert check.guessers == ("Most frequent", "Always E", "Ranker", "With siblings")
    assert check.siblings == 3
    assert not check.passed
    everything, diagnosis, binary, shapes = check.by_type
    assert [line.name for line in check.by_type] == ["All questions", "Diagnosis", "Diagnosis, binary", "Shape"]
    # Those of who tries all questions; always E has its own.
    assert (everything.n, everything.limit, everything.chance) == (600, 0.29, 0.26)
    _, always, ranker, siblings = everything.figures
    assert ranker.share == wilson(150, 600)
    assert (always.share.n, always.chance, always.limit, always.failed) == (400, 0.2, 0.23, True)
    assert (ranker.failed, siblings.failed) == (False, None)
    assert (shapes.figures[1].share.n, shapes.figures[2].failed) == (0, True)
    assert (binary.chance, binary.figures[2].limit) == (0.5, None)
    assert diagnosis.figures[2].failed is False
    # A set without questions is not shown.
    assert [(line.name, line.n) for line in check.subsets] == [
        ("Answer offered beside E", 320),
        ("Rejection items", 80),
    ]
    assert [(line.chance, line.strongest, line.figures[2].is_below) for line in check.subsets] == [
        (None, None, False)
    ] * 2
    assert [t.n for t in check.twins] == [0, 0, 50, 0]


def test_the_strongest_is_the_judged_guesser_furthest_above_its_own_chance() -> None:
    check = figures.blind_check(check_document())
    # Siblings are right most often and are not judged; the ranker is right less often than chance over all.
    assert [line.strongest for line in check.by_type] == [1, 2, 2, 2]
    even = {"question_type": None, "subset": ALL, "chance": 0.2}
    document = check_document()
    document["blind"] = [
        BlindRow(guesser=guesser, accuracy=wilson(right, 100), **even).model_dump()
        for guesser, right in (("uniform", 20), ("ranker", 20), ("majority", 19))
    ]
    tied = figures.blind_check(document)
    assert tied.guessers[tied.by_type[0].strongest or 0] == "Ranker"


def test_only_who_learns_can_be_below_chance_and_only_with_the_whole_interval() -> None:
    check = figures.blind_check(check_document())
    below = [(line.name, [guesser for guesser, _ in noted]) for line, noted in below_chance(check)]
    assert below == [("All questions", ["Most frequent"]), ("Diagnosis", ["Ranker"])]
    told = [(line.name, one.share.value) for line, [(_, one)] in told_by_siblings(check)]
    assert told == [("All questions", 0.7), ("Diagnosis, binary", 0.9)]
    document = check_document()
    kept = [row for row in document["blind"] if row["guesser"] == "majority"]  # type: ignore[attr-defined]
    document["blind"] = [row | {"guesser": guesser} for row in kept for guesser in ("uniform", "always-e", "siblings")]
    assert below_chance(figures.blind_check(document)) == []


def test_what_is_missing_names_answers_as_options_do_the_scarcest_first() -> None:
    located, unknown = figures.shortages(SHORTAGES)
    assert (located.name, located.wanted, located.built) == ("Location (in head)", 900, 20)
    assert [(a.text, a.available, a.missing) for a in located.answers] == [("Upper left", 10, 90), ("Center", 40, 0)]
    assert (located.said, unknown.said) == ("upper_left is rare", HOSTILE)
    assert unknown.answers[0].text == HOSTILE
    older = [{k: v for k, v in row.items() if k not in ("said", "why")} for row in SHORTAGES]
    assert figures.shortages(older)[0].said == ""


def test_shares_of_instructions_are_of_images_and_of_pairs() -> None:
    summary = instruction_summary(STATISTICS)
    assert (summary.pairs, summary.images, summary.distinct_questions) == (100, 20, 12)
    assert [(s.name, s.count, s.share) for s in summary.classes] == [
        ("Glioma", 9, 0.45),
        ("Healthy", 6, 0.3),
        ("Tumor of unstated type", 4, 0.2),
        ("Unlabeled", 1, 0.05),
    ]
    assert [(t.name, t.count, t.share) for t in summary.types] == [("Sequence", 60, 0.6), ("Shape", 40, 0.4)]
    assert [n for _, n in summary.types[0].kinds] == [0, 30, 30]
    assert summary.most == 60
    assert {s.name: s.count for s in summary.subtypes} == {
        "Answer offered beside E": 40,
        "Open, one fact": 30,
        "Rejection items": 30,
    }
    nothing = {name: {} if isinstance(value, dict) else 0 for name, value in STATISTICS.items()}
    empty = instruction_summary(nothing)
    assert (empty.pairs, empty.classes, empty.most) == (0, (), 0)


def pair(image: str, kind: str, question_type: str = "shape", **changes: object) -> str:
    """A line of an instruction file."""
    line: dict[str, object] = {
        "images": [image],
        "messages": [
            {"role": "user", "content": f"<image>\nWhat of {HOSTILE}?\nOptions:\nA. Round"},
            {"role": "assistant", "content": f"{kind} {'long ' * 200}"},
        ],
        "meta": {"id": "1", "question_type": question_type, "subtype": "options", "source": HOSTILE},
    }
    return json.dumps(line | changes) + "\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The build folder of a run, and pictures below ``pictures``."""
    made = tmp_path / "run" / "08-build"
    store.write_json(made / "benchmark" / "shortages.json", SHORTAGES)
    store.write_json(made / "instructions" / "statistics.json", STATISTICS)
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        Image.fromarray(np.full((48, 64), 40 * number, np.uint8)).save(tmp_path / "pictures" / f"{number}.png")
    (tmp_path / "secret.png").write_bytes((tmp_path / "pictures" / "0.png").read_bytes())
    files = {
        "open": [
            "not json\n",
            '{"images": []}\n',
            pair("0.png", "open"),
            pair("0.png", "open", "modality"),
            pair("1.png", "open"),
            pair("2.png", "open", "modality"),
        ],
        "closed_nocot": [pair("../secret.png", "closed"), pair("gone.png", HOSTILE, HOSTILE)],
    }
    for kind, lines in files.items():
        path = made / "instructions" / f"instruction_{kind}_train.jsonl"
        path.write_text("".join(lines), "utf-8")
    return tmp_path / "run"


def gathered(run: Path, leaks: dict[str, object] | None = None) -> QuestionsPage:
    items = small_benchmark()
    context = ReportContext(
        title=f"Run {HOSTILE}",
        benchmark=figures.benchmark_summary(items),
        blind=figures.blind_check(check_document()),
    )
    return gather(run, run.parent / "pictures", context, items, leaks, home="index.html")


def test_examples_show_different_images_and_types_and_only_pictures_under_the_root(run: Path) -> None:
    first, second, outside, gone = gathered(run).examples
    assert [e.kind for e in (first, second, outside, gone)] == ["Open"] * 2 + ["Closed, letter only"] * 2
    # The second is of another image and another type than the first.
    assert [first.facts[0].value, second.facts[0].value] == ["Shape", "Sequence"]
    assert first.picture.jpeg is not None
    assert second.picture.jpeg is not None
    assert first.picture.jpeg != second.picture.jpeg
    assert outside.picture.jpeg is None
    assert outside.picture.missing is not None
    assert gone.picture.jpeg is None
    assert first.user == (f"What of {HOSTILE}?", "Options:", "A. Round")
    assert len(first.assistant[0]) == 401


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    page = gathered(tmp_path / "run")
    assert page.missing == ("08-build/benchmark/shortages.json", "08-build/instructions/statistics.json")
    assert (page.shortages, page.instructions, page.examples, page.leaks) == (None, None, (), None)
    text = Page(render_questions(page)).texts
    assert "08-build/benchmark/shortages.json" in text["head"]
    assert "wrote no list" in text["shortages"]
    assert "No statistics of instruction data in this run." in text["instructions"]
    assert "No instruction pairs in this run." in text["examples"]


def test_a_broken_file_is_an_error_of_one_line(run: Path) -> None:
    (run / "08-build" / "instructions" / "statistics.json").write_text("{", "utf-8")
    with pytest.raises(InputError):
        gathered(run)


def test_the_page_is_self_contained_and_no_name_becomes_markup(run: Path) -> None:
    html = render_questions(gathered(run, LEAKS))
    page = Page(html)
    assert page.open == []
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == [*SECTIONS, "leaks"]
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object"}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert (attrs.get("src") or "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        assert tag != "img" or attrs["alt"]
    targets = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert targets == ["index.html", *(f"#{name}" for name in [*SECTIONS, "leaks"])]
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    for section in ("head", "shortages", "blind", "instructions", "examples"):
        assert SHOWN in page.texts[section], section
    assert render_questions(gathered(run, LEAKS)) == html


@pytest.mark.parametrize(
    ("section", "shown"),
    [
        ("benchmark", ["4 questions 1 rejection items", "1 questions 1 binary", "3 terms and E 2 1 0 1"]),
        ("answers", ["Lobulated 0 + 1 offered 0", "Round 2 + 0 offered 4"]),
        ("shortages", ["Location (in head) 900 20", "Upper left 10 + 90", "upper_left is rare"]),
        ("head", ["40.0 % right without the image: Always E, the strongest judged guesser, of the 400 questions that it"
                  " tries; chance 20.0 %"]),
        ("blind", ["The check fails. ranker above the limit on shape", "40.0 %, above the limit 35.3 to 44.9 n = 400 "
                   "chance 20.0 % limit 23.0 %", "40.0 % Always E, n = 400 chance 20.0 %",
                   "Accuracy without image: Shape", "Always E –; Ranker 60.0 %, chance 20.0 %, limit 25.0 %",
                   "Clearly below chance, with the whole interval: All questions: Most frequent 15.0 % (chance 26.0 %)",
                   "15.0 % 12.4 to 18.1 below chance", "Questions Questions Most frequent Always E",
                   "clearly above chance here: All questions: With siblings 70.0 % (chance 26.0 %); Diagnosis, binary",
                   "6.0 % 2.1 to 16.2, n = 50", "NEVER_RIGHT"]),
        ("instructions", ["100 pairs on 20 images, 12 distinct", "Glioma 45.0 % 9", "Sequence: pairs by file"]),
        ("leaks", ["3 leaks among 75 benchmark and 224 instruction slices", "as the source states it 2"]),
    ],
)  # fmt: skip
def test_the_numbers_are_those_of_the_files(run: Path, section: str, shown: list[str]) -> None:
    text = " ".join(Page(render_questions(gathered(run, LEAKS))).texts[section].split())
    assert [part for part in shown if part not in text] == []


def test_leaks_are_shown_only_where_they_were_looked_for(run: Path) -> None:
    without = Page(render_questions(gathered(run)))
    assert "leaks" not in without.texts
    none = Page(render_questions(gathered(run, LEAKS | {"leaks": [], "not_compared": 2})))
    text = " ".join(none.texts["leaks"].split())
    assert "0 leaks among 75 benchmark and 224 instruction slices; 2 rows or pictures could not be read" in text


def test_a_page_of_nothing_says_so_and_shows_no_zero_percent() -> None:
    page = Page(render_questions(QuestionsPage(title="Empty", home="index.html")))
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    assert "0.0 %" not in " ".join(page.texts.values())
    for section in SECTIONS:
        assert "this run" in page.texts[section]


def test_instructions_without_any_pair_are_a_page_too() -> None:
    nothing = instruction_summary({n: {} if isinstance(v, dict) else 0 for n, v in STATISTICS.items()})
    page = Page(render_questions(QuestionsPage(title="Empty", home="index.html", instructions=nothing)))
    assert "0 pairs on 0 images" in " ".join(page.texts["instructions"].split())


def test_records_refuse_what_is_not_a_figure() -> None:
    broken = check_document() | {"blind": [{"guesser": "ranker"}]}
    with pytest.raises(ValueError, match="accuracy"):
        figures.blind_check(broken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", -1),
        ("distinct_questions", -3),
        ("pairs", {"open": -1, "closed_nocot": 40, "closed_cot": 30}),
        ("images_by_class", {"glioma": -9}),
        ("by_type", {"open": {"shape": -30}}),
        ("by_source", {"open": {"01": -30}}),
        ("by_subtype", {"open": {"open": -30}}),
        ("faults", {"LETTER_WRONG": -2}),
        ("faults", {"LETTER_WRONG": "two"}),
        ("images_by_class", {"glioma": 21}),
    ],
)
def test_statistics_that_cannot_be_counts_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        instruction_summary(STATISTICS | {name: value})


@pytest.mark.parametrize("name", ["wanted", "built", "available", "missing"])
def test_shortages_that_cannot_be_counts_are_refused(name: str) -> None:
    value = {"center": -1} if name in ("available", "missing") else -1
    with pytest.raises(ValidationError):
        figures.shortages([SHORTAGES[0] | {name: value}])


def test_tables_can_be_reached_and_examples_told_apart(run: Path) -> None:
    page = Page(render_questions(gathered(run, LEAKS)))
    scrolled = [attrs for tag, attrs in page.tags if tag == "div" and attrs.get("class") == "scroll"]
    assert len(scrolled) == 9
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" for attrs in scrolled)
    labels = [attrs["aria-label"] for attrs in scrolled]
    assert len(set(labels)) == len(labels)
    assert {attrs.get("scope") for tag, attrs in page.tags if tag == "th"} == {"col", "row"}
    said = [
        attrs.get("alt") or attrs.get("aria-label")
        for tag, attrs in page.tags
        if attrs.get("alt") or "nopicture" in (attrs.get("class") or "")
    ]
    assert len(set(said)) == len(said) == 4
