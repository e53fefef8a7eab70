"""The report page: self-contained, escaped, and true to its context."""

from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from closed_items import closed_item, predicted
from factories_validation import truth_of
from neuroonco.check.records import Finding
from neuroonco.intervals import Estimate, wilson
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.report.charts import GroupedBar, bar, grouped, interval, stacked
from neuroonco.report.page import MAX_QUARANTINED, render
from neuroonco.report.pictures import OUTLINE_RGB, data_uri, outlined_png
from neuroonco.report.records import (
    AirRow,
    BenchmarkSummary,
    BlindCheck,
    BlindFigure,
    BlindLine,
    DropCount,
    DuplicateExample,
    DuplicateSummary,
    Fact,
    ModelScore,
    QuarantineRow,
    ReportContext,
    SampleSlice,
    SourceCount,
    StageCount,
    TruthRow,
    TypeCount,
)
from neuroonco.resampling import Resamples
from neuroonco.score.agreement import agreement
from neuroonco.score.attributes import air
from neuroonco.score.closed.score import score_closed
from neuroonco.score.judged import Statement
from neuroonco.score.records import AttributeReport
from neuroonco.score.signs import attribute_report
from neuroonco.vocabulary import DropReason, Edema, Enhancement, QuestionType, Redistribution, Shape

SECTIONS = (
    "stages sources drops quarantine duplicates samples agreement air truth benchmark shortcut scores".split()  # noqa: SIM905
)
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>\x1b[31m"
SHOWN = "<script>alert('x')</script>\"><img src=x onerror=y>\\x1b[31m"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would see: elements, and text by section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.open: list[str] = []
        self.section = "head"
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.section = "head"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts[self.section] = self.texts.get(self.section, "") + " " + data.strip()


NOTHING = Estimate(value=None, low=None, high=None, n=0)


def blind_line(name: str, *shares: Estimate, limit: float | None = None) -> BlindLine:
    """Two guessers on one set of questions."""
    figures = tuple(BlindFigure(share=share, chance=0.211, limit=limit) for share in shares)
    strongest = 1 if shares[1].n else None
    return BlindLine(name=name, n=shares[1].n, chance=0.211, limit=limit, figures=figures, strongest=strongest)


def against_truth(stated: list[Signs], truth: list[Signs]) -> AttributeReport:
    truths = [truth_of(number, signs=signs) for number, signs in enumerate(truth)]
    statements = [Statement(found=True, signs=signs) for signs in stated]
    return attribute_report(truths, statements, Resamples(len(truths), 200, 0))


def picture() -> bytes:
    return outlined_png(np.full((40, 60), 90, dtype=np.uint8))


def reading(shape: Shape | None) -> LesionReading:
    return LesionReading(slice_id="s", sample_id="s", reader="x", lesion_found=True, signs=Signs(shape=shape))


def full_context() -> ReportContext:
    items = [
        closed_item("1", "A"),
        closed_item("2", "E"),
        closed_item("3", "A", texts=("Round", "Oval"), question_type=QuestionType.SHAPE),
    ]
    score = score_closed(items, [predicted(items[0], "A"), predicted(items[1], "B")])
    emitted = [Signs(shape=Shape.ROUND, enhancement=Enhancement.PRESENT), Signs(shape=Shape.OVAL)]
    truth = [Signs(shape=Shape.ROUND, enhancement=Enhancement.RING), Signs(shape=Shape.ROUND, edema=Edema.MILD)]
    return ReportContext(
        title=f"Run {HOSTILE}",
        facts=(Fact(name="Seed", value="20260201"), Fact(name="Rules", value=HOSTILE)),
        funnel=(StageCount(stage="catalog", kept=24726, dropped=48500, quarantined=61),),
        sources=(
            SourceCount(source_id="07", name="Figshare", catalogued=3064, curated=3049, with_mask=3048),
            SourceCount(
                source_id=HOSTILE, catalogued=0, curated=0, with_mask=0, redistribution=Redistribution.POINTERS
            ),
        ),
        drops=(DropCount(stage="curate", reason=DropReason.DUPLICATE_EXACT, count=1207),),
        quarantined=tuple(
            QuarantineRow(stage="catalog", name=f"{n:02}{HOSTILE}.jpg", code="IMAGE_EMPTY", message=HOSTILE)
            for n in range(61)
        ),
        quarantined_total=61,
        duplicates=DuplicateSummary(
            groups=120,
            files=261,
            conflicting=4,
            leaking=31,
            examples=(
                DuplicateExample(png=picture(), members=(HOSTILE, "b.jpg"), finding="Glioma and healthy"),
                DuplicateExample(members=("c.jpg", "d.jpg")),
            ),
        ),
        samples=(SampleSlice(png=picture(), labels=(Fact(name="Tumor", value=HOSTILE),), description=HOSTILE),),
        agreement=agreement([(reading(Shape.ROUND), reading(Shape.OVAL)), (reading(Shape.ROUND), reading(None))]),
        air=(AirRow(label="Conservative", report=air(emitted)), AirRow(label="Audited", report=air([]))),
        phantom_truth=(TruthRow(label="Fused", report=against_truth(emitted, truth)),),
        benchmark=BenchmarkSummary(
            images=1000,
            questions=3190,
            by_type=(
                TypeCount(question_type=QuestionType.DIAGNOSIS, questions=1000, rejections=186),
                TypeCount(question_type=QuestionType.SHAPE, questions=60, rejections=10, binary=20),
                TypeCount(question_type=QuestionType.MARGINS, questions=42, rejections=0, binary=42),
            ),
            twins=12,
        ),
        blind=BlindCheck(
            guessers=("Uniform draw", "Ranker"),
            by_type=(
                blind_line("All questions", wilson(673, 3190), wilson(2565, 3190), limit=0.241),
                blind_line("Size", NOTHING, NOTHING),
            ),
            passed=False,
            reasons=(f"ranker: above 24.1 % {HOSTILE}",),
            findings=(Finding(code="OPTION_TWICE", level="error", n=18, examples=(HOSTILE,)),),
        ),
        questions="questions.html",
        scores=(ModelScore(model=HOSTILE, score=score),),
    )


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(full_context()))


def test_all_sections_are_present_and_the_markup_closes(page: Page) -> None:
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    assert page.open == []
    targets = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert targets == [*(f"#{name}" for name in SECTIONS), "questions.html", "questions.html#blind"]


def test_nothing_is_loaded_from_elsewhere_and_no_name_becomes_markup(page: Page) -> None:
    assert "script" not in {tag for tag, _ in page.tags}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert tag not in {"link", "iframe", "object"}
        if (source := attrs.get("src")) is not None:
            assert source.startswith("data:image/png;base64,")
        if tag != "a":
            assert "href" not in attrs
    assert sum(tag == "img" for tag, _ in page.tags) == 2
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@pytest.mark.parametrize("section", ["head", "sources", "quarantine", "duplicates", "samples", "shortcut", "scores"])
def test_hostile_text_is_shown_as_text(page: Page, section: str) -> None:
    assert SHOWN in page.texts[section]


@pytest.mark.parametrize(
    ("section", "shown"),
    [
        ("stages", ["24,726 kept", "48,500 dropped, 61 quarantined"]),
        ("sources", ["Figshare", "3,064", "3,049", "3,048", "Pointers", "not stated"]),
        ("drops", ["Byte-identical copy", "1,207"]),
        ("quarantine", [f"{MAX_QUARANTINED} of 61 shown", "49<script>", "IMAGE_EMPTY"]),
        ("duplicates", ["(261 pictures)", "120", "31", "Glioma and healthy", "no picture"]),
        ("air", ["25.0 %", "2 lesion-positive labels", "100.0 %", "no lesion-positive labels", "n = 0"]),
        ("truth", ["66.7 %", "0.0 to 100.0, n = 3", "Right but coarser", "25.0 %"]),
        (
            "benchmark",
            [
                "1,000 questions 186 rejection items (18.6 %)",
                "60 questions 10 rejection items (25.0 %) 20 binary",
                "42 questions 42 binary",
                "12 questions have a twin",
            ],
        ),
        (
            "shortcut",
            [
                "All questions 80.4 % 79.0 to 81.7, n = 3,190 Ranker, chance 21.1 %",
                "The check fails. ranker: above 24.1 %",
                "OPTION_TWICE",
                "18",
            ],
        ),
        (
            "scores",
            [
                f"{SHOWN} 33.3 % 0.0 to 100.0, n = 3 chance 30.0 %",
                "missing 1",
                "incomplete",
                f"Diagnosis {SHOWN} 50.0 % 9.5 to 90.5, n = 2 chance 20.0 %",
                f"Shape, binary {SHOWN} 0.0 % 0.0 to 79.3, n = 1 chance 50.0 %",
            ],
        ),
        ("head", ["80.4 % right without the image: Ranker, the strongest judged guesser; chance 21.1 %"]),
    ],
)
def test_the_numbers_are_those_of_the_context(page: Page, section: str, shown: list[str]) -> None:
    text = " ".join(page.texts[section].split())
    assert [part for part in shown if part not in text] == []


def test_rows_beyond_the_limit_are_not_shown(page: Page) -> None:
    assert "50<script>" not in page.texts["quarantine"]


def test_an_empty_run_says_so_and_shows_no_zero_percent() -> None:
    page = Page(render(ReportContext(title="Empty")))
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    for section in SECTIONS:
        assert "in this run." in page.texts[section]
    # the only percentages left are those of the explanations
    assert "0.0 %" not in " ".join(page.texts.values())


def test_agreement_gives_kappa_beside_the_raw_figure_and_who_said_what(page: Page) -> None:
    text = " ".join(page.texts["agreement"].split())
    # Two readings with a value each: never equal, and one of the two says one value only.
    assert "Shape 0.00 (0.00 to 0.00, n = 1) 0.0 % 0.0 to 79.3, n = 1 1 0" in text
    assert "Shape: who said what" in text


def test_figures_of_nothing_are_a_dash() -> None:
    nothing = score_closed([], [])
    context = ReportContext(
        title="t",
        scores=(ModelScore(model="m", score=nothing),),
        air=(AirRow(label="Fused", report=air([])),),
        phantom_truth=(TruthRow(label="Fused", report=against_truth([], [])),),
        sources=(SourceCount(source_id="01", catalogued=1, curated=1, with_mask=0),),
        benchmark=BenchmarkSummary(images=0, questions=0, by_type=()),
    )
    page = Page(render(context))
    assert "0.0 %" not in " ".join(page.texts.values())
    assert "–" in page.texts["truth"]
    assert "No masks in this run." in page.texts["samples"]
    assert "No benchmark in this run." in page.texts["benchmark"]


def test_the_page_is_the_same_twice() -> None:
    assert render(full_context()) == render(full_context())


def test_charts_draw_shares_of_a_thousand() -> None:
    assert "<rect class='value' x='0' y='0' width='418.8' height='16'/>" in bar(0.4188)
    assert "value" not in bar(None)
    drawn = interval(Estimate(value=0.5, low=0.4, high=0.6, n=9), 0.2)
    assert "<rect class='span' x='400' y='6' width='200' height='4'/>" in drawn
    assert "<rect class='value' x='496'" in drawn
    assert "<rect class='chance' x='198.5'" in drawn
    assert "x='992'" in interval(Estimate(value=1.0, low=0.9, high=1.0, n=9))
    parts = stacked([("kept", 999_999), ("dropped", 0), ("quarantined", 1)], 1_000_000)
    assert "dropped" not in parts
    assert "<rect class='quarantined' x='997' y='0' width='3'" in parts
    assert stacked([("kept", 0)], 0).count("<rect") == 1


def read(png: bytes) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def test_the_outline_surrounds_the_lesion_and_leaves_it_visible() -> None:
    image = np.full((50, 60), 100, dtype=np.uint8)
    mask = np.zeros((50, 60), dtype=bool)
    mask[20:30, 25:40] = True
    pixels = read(outlined_png(image, mask))
    outline = (pixels == OUTLINE_RGB).all(axis=2)
    assert outline.sum() == 2 * (10 + 15) + 4
    assert not outline[mask].any()
    assert (pixels[~outline] == 100).all()


def test_a_tiny_lesion_survives_the_shrinking() -> None:
    image = np.zeros((1000, 800), dtype=np.uint8)
    mask = np.zeros((1000, 800), dtype=bool)
    mask[500, 400] = True
    png = outlined_png(image, mask, max_side_px=200)
    pixels = read(png)
    assert pixels.shape == (200, 160, 3)
    assert (pixels == OUTLINE_RGB).all(axis=2).sum() == 8
    assert png == outlined_png(image, mask, max_side_px=200)


def test_small_images_keep_their_size_and_shapes_must_agree() -> None:
    image = np.arange(1200, dtype=np.uint8).reshape(30, 40)
    assert (read(outlined_png(image))[:, :, 0] == image).all()
    assert (read(outlined_png(image, np.zeros((30, 40), dtype=bool)))[:, :, 0] == image).all()
    with pytest.raises(ValueError, match="mask"):
        outlined_png(image, np.zeros((30, 41), dtype=bool))
    assert data_uri(b"x") == "data:image/png;base64,eA=="


def test_twins_have_a_table_of_their_own_and_only_where_there_are_any(page: Page) -> None:
    assert "Pairs of twins" not in page.texts["scores"]
    item = closed_item("1", "A")
    twin = closed_item("1", "E", q_index=1).model_copy(update={"twin_of": 0})
    stray = predicted(closed_item("9", "A"), "A")
    score = score_closed([item, twin], [predicted(item, "A"), predicted(twin, "A"), stray])
    shown = Page(render(ReportContext(title="t", scores=(ModelScore(model="m", score=score),))))
    text = " ".join(shown.texts["scores"].split())
    assert "Pairs of twins" in text
    assert "m 0.0 % 0.0 to 79.3, n = 1 0.0 % 0.0 to 79.3, n = 1 100.0 % 20.7 to 100.0, n = 1 0" in text
    assert "predictions for no question 1" in text


def test_bars_of_several_guessers_stand_under_one_another_each_with_its_own_lines() -> None:
    first = Estimate(value=0.25, low=0.2, high=0.3, n=9)
    second = Estimate(value=0.5, low=0.4, high=0.6, n=9)
    bars = [GroupedBar("g0", first, 0.2, 0.23), GroupedBar("g1", NOTHING, 0.7), GroupedBar("g2", second, 0.4)]
    drawn = grouped(bars, title=HOSTILE, text="<b>")
    assert "viewBox='0 0 1000 36'" in drawn
    assert "<rect class='g0' x='0' y='2' width='250' height='8'/>" in drawn
    assert "<rect class='whisker' x='200' y='5' width='100' height='2'/>" in drawn
    assert "class='g1'" not in drawn
    assert "<rect class='g2' x='0' y='26' width='500' height='8'/>" in drawn
    assert "<rect class='chance' x='198.5' y='0' width='3' height='12'/>" in drawn
    assert "<rect class='chance' x='398.5' y='24' width='3' height='12'/>" in drawn
    assert drawn.count("class='chance'") == 2
    assert drawn.count("class='limit' x='228.5'") == drawn.count("class='limit'") == 2
    assert "role='img'" in drawn
    assert "<script" not in drawn
    assert "<desc>&lt;b&gt;</desc>" in drawn
    assert "chance" not in grouped([GroupedBar("g0", first)], title="t", text="")


def test_tables_can_be_reached_and_pictures_told_apart(page: Page) -> None:
    scrolled = [attrs for tag, attrs in page.tags if tag == "div" and attrs.get("class") == "scroll"]
    assert len(scrolled) > 8
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" and attrs["aria-label"] for attrs in scrolled)
    assert {attrs.get("scope") for tag, attrs in page.tags if tag == "th"} == {"col", "row"}
    pictures = [attrs["alt"] for tag, attrs in page.tags if tag == "img"]
    assert len(set(pictures)) == len(pictures) == 2
    assert all(pictures)
    assert any("MRI slice 1 of 1" in (alt or "") for alt in pictures)


def test_the_note_on_what_is_below_chance_stands_only_where_something_is(page: Page) -> None:
    assert "Clearly below chance" not in page.texts["shortcut"]
    low = BlindFigure(share=Estimate(value=0.1, low=0.05, high=0.15, n=9), chance=0.2, is_below=True)
    line = BlindLine(name="Size", n=9, chance=0.2, limit=None, figures=(low,), strongest=0)
    blind = BlindCheck(guessers=("Ranker",), by_type=(line,), passed=True)
    text = " ".join(Page(render(ReportContext(title="t", blind=blind))).texts["shortcut"].split())
    assert "Clearly below chance, with the whole interval: Size: Ranker 10.0 % (chance 20.0 %)" in text
