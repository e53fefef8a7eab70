"""The page that compares models: true to the scores, safe with hostile text, the same for the same runs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from comparison_files import answers, benchmark, sure, write_pictures, write_run
from neuroonco import store
from neuroonco.errors import InputError, UsageError
from neuroonco.images import Gray
from neuroonco.intervals import Estimate, wilson
from neuroonco.predict.records import PictureMode, Prediction, Scoring
from neuroonco.report.comparison import least_p, matrix, render_comparison
from neuroonco.report.comparison_charts import forest_row, forest_scale, operating_points
from neuroonco.report.comparison_records import ComparisonPage, Verdict
from neuroonco.report.pictures import Album
from neuroonco.resampling import SEED
from neuroonco.score.closed.judge import judge
from neuroonco.score.closed.records import Confusion, Difference, Pair
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus, QuestionType
from neuroonco.walk.comparison_errors import Answered, galleries
from neuroonco.walk.comparison_models import unique_names
from neuroonco.walk.comparison_page import Asked, gather_closed, verdict, write_comparison
from test_report_page import HOSTILE, Page

SECTIONS = ["leaderboard", "differences", "types", "rejection", "calibration", "positions", "confusion", "errors"]
FEW = 200


def gathered(*places: Path, **more: object) -> ComparisonPage:
    return gather_closed(Asked(places=places, resamples=FEW, **more))  # type: ignore[arg-type]


def text_of(html: str) -> dict[str, str]:
    return {section: " ".join(text.split()) for section, text in Page(html).texts.items()}


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """A good model with probabilities, a middling one, always E, and an incomplete one."""
    items = benchmark()
    always = [row.model_copy(update={"pred": "E", "model": "always-e", "raw": None}) for row in answers(items, "x", 0)]
    part = answers(items, "part", 6)[:-10]
    part[0] = part[0].model_copy(update={"status": PredictionStatus.UNPARSED, "pred": None, "raw": "Perhaps."})
    return [
        write_run(tmp_path / "mid", items, answers(items, "mid", 5)),
        write_run(tmp_path / "good", items, sure(answers(items, "good", 9), items), scoring=Scoring.LIKELIHOOD),
        write_run(tmp_path / "always", items, always),
        write_run(tmp_path / "part", items, part, per_image=True),
    ]


def test_the_page_has_every_section_and_nothing_from_elsewhere(runs: list[Path]) -> None:
    html = render_comparison(gathered(*runs))
    page = Page(html)
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs.get("href") or attrs.get("src") or "" for _, attrs in page.tags]
    assert not [link for link in links if link and not link.startswith(("#", "data:image/"))]
    assert not re.search(r"https?://|@import|url\(", html)
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form"} == set()
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    labels = [attrs["aria-label"] for tag, attrs in page.tags if attrs.get("class") == "scroll"]
    assert len(labels) == len(set(labels))


def test_the_leaderboard_is_sorted_and_says_what_the_scores_say(runs: list[Path]) -> None:
    page = gathered(*runs)
    assert [m.name for m in page.models] == ["good", "mid", "part", "always-e"]
    assert [m.number for m in page.models] == [1, 2, 3, 4]
    items = benchmark()
    assert page.models[0].score == score_closed(items, sure(answers(items, "good", 9), items), seed=SEED, resamples=FEW)
    assert page.models[0].score.accuracy.value == 0.9
    text = text_of(render_comparison(page))["leaderboard"]
    assert "90.0 %" in text
    assert "50.0 %" in text
    assert f"Chance {page.chance:.1%}".replace("%", " %") in text
    assert "part incomplete" in text
    assert "always-e sees no picture" in text
    assert "not above chance" in text
    assert "all questions of an image in one call: they can tell of each other" in text
    assert "the likeliest letter, not what it writes" in text
    assert "baseline: always “None of the above”, sees no picture" in text


def test_a_figure_is_above_chance_only_with_its_whole_interval() -> None:
    assert verdict(wilson(30, 100), 0.2) is Verdict.ABOVE
    assert verdict(wilson(25, 100), 0.2) is Verdict.NOT_ABOVE
    assert verdict(Estimate(value=0.2, low=0.2, high=0.3, n=9), 0.2) is Verdict.NOT_ABOVE
    assert verdict(wilson(5, 100), 0.2) is Verdict.BELOW
    assert verdict(wilson(0, 0), 0.2) is Verdict.UNKNOWN
    assert verdict(wilson(5, 9), None) is Verdict.UNKNOWN


def test_types_below_and_at_chance_are_marked(runs: list[Path]) -> None:
    html = render_comparison(gathered(*runs))
    row = re.search(r'<tr><th scope="row">Shape</th>.*?</tr>', html)
    assert row is not None
    assert row[0].count("at chance") == 1
    assert '<td class="num">30</td>' in row[0]
    assert "Diagnosis, binary" not in html, "a type without questions has no row"


def test_differences_are_corrected_and_of_all_pairs(runs: list[Path]) -> None:
    page = gathered(*runs)
    assert len(page.pairs) == 6
    first = page.pairs[0]
    assert (first.a, first.b) == ("good", "mid")
    assert first.difference.value == pytest.approx(0.4)
    text = text_of(render_comparison(page))["differences"]
    assert "good minus mid +40.0" in text
    assert "200 times, corrected for all 6 comparisons (Holm); it cannot be below 0.030" in text
    assert "differ" in text


def test_one_run_alone_has_a_page(runs: list[Path]) -> None:
    page = gathered(runs[0])
    text = text_of(render_comparison(page))
    assert "One model alone" in text["differences"]
    assert [g.model for g in page.galleries] == [1]
    assert page.galleries[0].found == 30


def test_many_models_are_compared_with_the_first(tmp_path: Path) -> None:
    items = benchmark()
    places = [write_run(tmp_path / f"m{n}", items, answers(items, f"m{n}", n)) for n in range(10)]
    page = gathered(*places)
    assert page.of_first
    assert [(p.a, p.b) for p in page.pairs] == [("m9", f"m{n}") for n in range(8, -1, -1)]
    text = text_of(render_comparison(page))["differences"]
    assert "only those with the first are shown" in text
    # Any of the ten could have come first: 45 pairs, not 9.
    assert "all 45 comparisons" in text
    assert least_p(page) == 45 / (FEW + 1)


def test_hostile_names_replies_and_options_stay_text(tmp_path: Path) -> None:
    items = benchmark()[:20]
    option = items[0].options[1].model_copy(update={"text": f"<b>{HOSTILE}</b>\N{RIGHT-TO-LEFT OVERRIDE}"})
    items[0] = items[0].model_copy(
        update={"options": (items[0].options[0], option, *items[0].options[2:]), "question": HOSTILE}
    )
    name = f"{HOSTILE}\N{RIGHT-TO-LEFT OVERRIDE}{'x' * 5000}&%_#{{}}~^\\"
    rows = answers(items, name, 0, raw=None)
    rows[0] = rows[0].model_copy(update={"raw": f"</pre>{HOSTILE}\n" + "very long " * 5000 + "END"})
    page = gathered(write_run(tmp_path / "bad", items, rows), errors=50)
    html = render_comparison(page)
    parsed = Page(html)
    assert not [tag for tag, _ in parsed.tags if tag == "script"]
    assert not [attrs for _, attrs in parsed.tags if "onerror" in attrs or attrs.get("src") == "x"]
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in html
    assert "\x1b" not in html
    assert "x" * 500 not in html
    assert len(html) < 250_000
    errors = " ".join(parsed.texts["errors"].split())
    assert "<script>alert('x')</script>" in errors
    assert "END" in errors, "the end of a long reply says what it answers"


def test_twice_the_same_name_is_told_apart(tmp_path: Path) -> None:
    items = benchmark()
    places = [
        write_run(tmp_path / "a", items, answers(items, "gpt", 9)),
        write_run(tmp_path / "b", items, answers(items, "gpt", 8)),
        write_run(tmp_path / "c", items, answers(items, "gpt", 7), per_image=True),
        write_run(tmp_path / "d", items, answers(items, "gpt, run 2", 6)),
    ]
    names = [m.name for m in gathered(*places).models]
    assert names == ["gpt", "gpt, run 2", "gpt (an image a call)", "gpt, run 2, run 2"]
    assert len(set(unique_names([("a", ())] * 5))) == 5


def test_runs_that_differ_in_the_order_of_options_alone_are_one_model(tmp_path: Path) -> None:
    items = benchmark()
    turned = [row.model_copy(update={"shown_order": "EDCBA"}) for row in answers(items, "gpt", 6)]
    places = [
        write_run(tmp_path / "turned", items, turned, permute_seed=3),
        write_run(tmp_path / "plain", items, answers(items, "gpt", 8)),
        write_run(tmp_path / "other", items, answers(items, "gpt", 7), per_image=True, permute_seed=4),
    ]
    page = gathered(*places)
    assert [m.name for m in page.models] == ["gpt", "gpt (an image a call, permuted 4)"]
    report = page.models[0].score.permutation
    assert report is not None
    assert [round(one.value or 0, 3) for one in report.accuracy_by_run] == [0.8, 0.6]
    assert page.models[1].score.permutation is None
    text = text_of(render_comparison(page))
    assert "80.0 %, 60.0 %" in text["positions"]
    assert "also asked with the options in 1 other order" in text["leaderboard"]
    assert "options in another order (seed 4)" in text["leaderboard"]


def test_who_sees_no_picture_is_marked_and_has_no_gallery(tmp_path: Path) -> None:
    items = benchmark()
    places = [
        write_run(tmp_path / "m", items, answers(items, "m", 5)),
        write_run(tmp_path / "b", items, answers(items, "blind:m", 4), picture=PictureMode.NONE),
        write_run(tmp_path / "s", items, answers(items, "shuffled:m", 3), picture=PictureMode.SHUFFLED),
    ]
    page = gathered(*places)
    assert [m.sees_picture for m in page.models] == [True, False, False]
    assert [g.name for g in page.galleries] == ["m"]
    text = text_of(render_comparison(page))["leaderboard"]
    assert "image-blind: shown no picture" in text
    assert "image-blind: shown the picture of another image" in text
    assert "2 of these do not see the question's own picture" in text
    assert "shuffled:m sees another picture" in text
    assert "blind:m sees no picture" in text


def test_galleries_show_what_all_and_what_one_model_has_wrong() -> None:
    items = benchmark()
    good, bad = answers(items, "good", 8), answers(items, "bad", 8)
    flipped = next(n for n, row in enumerate(bad) if row.pred == items[n].answer)
    bad[flipped] = bad[flipped].model_copy(update={"pred": "E" if items[flipped].answer != "E" else "A"})
    gone = next(n for n, row in enumerate(good) if row.pred != items[n].answer)
    bad[gone] = bad[gone].model_copy(update={"status": PredictionStatus.API_ERROR, "pred": None, "raw": None})
    models = [Answered(1, "good", judge(items, good)), Answered(2, "bad", judge(items, bad))]

    def nothing(_: object) -> Gray:
        raise InputError("FILE_MISSING", "no such file")

    everywhere, of_good, of_bad = shown = galleries(models, Album(nothing), errors=4, seed=1)
    assert (everywhere.found, of_good.found, of_bad.found) == (12, 12, 13)
    assert (of_good.alone, of_bad.alone) == (0, 1)
    assert of_bad.left_out == 1
    alone = of_bad.shown[0]
    assert (alone.image_id, alone.q_index) == (items[flipped].image_id, items[flipped].q_index)
    assert (alone.wrong, alone.models) == (1, 2)
    assert {e.question_type for e in everywhere.shown} == {"diagnosis", "shape"}, "spread over types"
    assert all(sum(option.is_right for option in e.options) == 1 for e in everywhere.shown)
    assert everywhere.shown[0].picture.missing == "FILE_MISSING"
    assert galleries(models, Album(nothing), errors=4, seed=1) == shown
    assert galleries(models, Album(nothing), errors=0, seed=1) == ()


def test_errors_have_pictures_and_words_for_right_and_chosen(tmp_path: Path) -> None:
    items = benchmark()
    rows = answers(items, "m", 0)
    rows[3] = rows[3].model_copy(update={"status": PredictionStatus.REFUSED, "pred": None, "raw": "I will not."})
    place = write_run(tmp_path / "m", items, rows)
    root = write_pictures(tmp_path / "root", items, but=frozenset({"1"}))
    html = render_comparison(gathered(place, root=root, errors=50))
    text = text_of(html)["errors"]
    assert html.count('src="data:image/jpeg;base64,') == 50 - html.count("no picture: FILE_MISSING</div>")
    assert "no picture: FILE_MISSING" in html
    assert text.count("right answer") == 50
    assert "refused" in text
    assert "I will not." in text
    without = render_comparison(gathered(place))
    assert "no picture: ROOT_NOT_GIVEN" in without
    assert "data:image" not in without


def test_unreadable_rows_and_partial_runs_are_said_loudly(tmp_path: Path) -> None:
    items = benchmark()
    rows = answers(items, "m", 9)[:40]
    place = write_run(tmp_path / "m", items[:40], rows)
    with (place / "predictions.jsonl").open("a") as file:
        file.write('{"id": "0"}\n')
    whole = tmp_path / "whole.parquet"
    store.save(whole, items, type(items[0]))
    page = gathered(place, benchmark=whole)
    assert page.warnings == (
        "m was asked 40 of the 60 questions: the other 20 count as wrong",
        "1 rows of m cannot be read and count for no model",
    )
    assert page.models[0].score.accuracy.n == 60
    assert not page.models[0].score.complete
    assert "Read first m was asked 40" in " ".join(Page(render_comparison(page)).texts["head"].split())


def test_no_question_offers_none_and_nobody_is_sure(tmp_path: Path) -> None:
    items = [item.model_copy(update={"options": item.options[:4]}) for item in benchmark() if item.answer != "E"]
    text = text_of(render_comparison(gathered(write_run(tmp_path / "m", items, answers(items, "m", 5)))))
    assert "No question offers" in text["rejection"]
    assert "No model gives letter probabilities" in text["calibration"]


def test_the_same_runs_give_the_same_bytes(runs: list[Path], tmp_path: Path) -> None:
    def written(name: str) -> list[bytes]:
        made = write_comparison(Asked(places=tuple(runs), resamples=FEW), tmp_path / name / "c.html")
        return [path.read_bytes() for path in (made.page, made.csv, made.tex)]

    first = written("a")
    assert first == written("b")
    assert all(str(tmp_path).encode() not in part for part in first)


def test_charts_lie_where_the_figures_say(runs: list[Path]) -> None:
    page = gathered(*runs)
    drawn = str(operating_points(page.models))
    assert "<title>Rejection operating points</title>" in drawn
    assert "model 4: recall 100.0%, false-rejection rate 100.0%" in drawn
    assert drawn.count("<circle class='tip'") == 4
    pair = Pair(
        a="a", b="b", difference=Difference(value=-0.12, low=-0.2, high=-0.04, n=9, clusters=9),
        both_right=1, only_a=1, only_b=1, neither=1, mcnemar_p=0.1, sign_flip_p=0.1, holm_p=0.1,
    )  # fmt: skip
    assert forest_scale([pair]) == pytest.approx(0.2)
    row = str(forest_row(pair.difference, 0.2))
    assert "class='span' x='0' y='6' width='400'" in row
    assert "class='value' x='196'" in row


def test_rare_terms_of_a_matrix_stand_together_and_none_is_lost() -> None:
    terms = (*(f"t{n}" for n in range(20)), "None of the above", "no answer")
    counts = [[0] * 22 for _ in range(22)]
    for n in range(20):
        counts[n][n] = n + 1
    counts[0][21] = 1
    shown = matrix(Confusion(question_type=QuestionType.SHAPE, terms=terms, matrix=tuple(map(tuple, counts))))
    assert shown.terms[-2:] == ("no answer", "7 rarer answers")
    assert "None of the above" not in shown.terms, "it does not occur"
    assert sum(n or 0 for row in shown.rows for n in row) == sum(map(sum, counts))
    assert sum(shown.totals) == sum(map(sum, counts))


def test_prediction_conflicts_have_no_reply(tmp_path: Path) -> None:
    items = benchmark()
    rows = answers(items, "m", 10)
    twice: list[Prediction] = [*rows, rows[0].model_copy(update={"pred": "B" if rows[0].pred != "B" else "A"})]
    page = gathered(write_run(tmp_path / "m", items, twice))
    assert page.galleries[0].found == page.galleries[0].left_out == 1
    assert page.models[0].score.status["conflicting"] == 1


def test_many_models_are_compared_with_their_own_runs_without_the_picture(tmp_path: Path) -> None:
    items = benchmark()
    places = [write_run(tmp_path / f"m{n}", items, answers(items, f"m{n}", n)) for n in range(10)]
    places += [
        write_run(tmp_path / "b", items, answers(items, "blind:m3", 2), picture=PictureMode.NONE),
        write_run(tmp_path / "s", items, answers(items, "shuffled:m3", 1), picture=PictureMode.SHUFFLED),
        write_run(tmp_path / "k", items, answers(items, "blank:m9", 8), picture=PictureMode.BLANK),
        write_run(tmp_path / "o", items, answers(items, "blind:elsewhere", 4), picture=PictureMode.NONE),
    ]
    page = gathered(*places)
    assert page.own_pairs == 3
    assert [(p.a, p.b) for p in page.pairs[:3]] == [("m9", "blank:m9"), ("m3", "blind:m3"), ("m3", "shuffled:m3")]
    assert ("m9", "blank:m9") not in [(p.a, p.b) for p in page.pairs[3:]]
    assert len(page.pairs) == 2 + 13
    assert page.tests == 14 * 13 / 2, "the own pairs are among all pairs, which are corrected for"
    text = text_of(render_comparison(page))
    assert "those with the first are shown, and each model with its own runs without the picture" in text["differences"]
    assert "A model with its picture minus the same model without it" in text["differences"]
    assert "Other pairs m9 minus m8" in text["differences"]
    assert "blank:m9 sees a blank picture" in text["leaderboard"]


def test_a_run_without_the_picture_is_paired_with_what_was_asked_the_same(tmp_path: Path) -> None:
    items = benchmark()
    page = gathered(
        write_run(tmp_path / "one", items, answers(items, "m", 9)),
        write_run(tmp_path / "sure", items, answers(items, "m", 7), asks_confidence=True),
        write_run(tmp_path / "b", items, answers(items, "blind:m", 4), picture=PictureMode.NONE, asks_confidence=True),
        write_run(tmp_path / "i", items, answers(items, "blank:m", 3), picture=PictureMode.BLANK, per_image=True),
    )
    assert [(p.a, p.b) for p in page.pairs[: page.own_pairs]] == [("m (confidence)", "blind:m")]
    assert len(page.pairs) == 6


def test_each_model_is_compared_with_the_one_that_was_named(tmp_path: Path) -> None:
    items = benchmark()
    places = [write_run(tmp_path / f"m{n}", items, answers(items, f"m{n}", n)) for n in range(10)]
    places.append(write_run(tmp_path / "b", items, answers(items, "blind:m9", 2), picture=PictureMode.NONE))
    asked = Asked(tuple(places), resamples=FEW, reference="m4")
    page = gather_closed(asked)
    assert (page.pairs[0].a, page.pairs[0].b) == ("m9", "blind:m9")
    assert {p.a for p in page.pairs[1:]} == {"m4"}
    assert {p.b for p in page.pairs[1:]} == {f"m{n}" for n in range(10) if n != 4} | {"blind:m9"}
    assert page.tests == len(page.pairs) == 11
    assert not page.of_first
    text = text_of(render_comparison(page))["differences"]
    assert "Shown are the pairs with the model that was named as the reference, m4" in text
    with pytest.raises(UsageError, match="0 of the models have the name 'm'"):
        gather_closed(replace(asked, reference="m"))


def test_a_baseline_abstains_on_the_page(tmp_path: Path) -> None:
    items = benchmark()
    refused = {"status": PredictionStatus.REFUSED, "pred": None}
    pages = [
        gathered(write_run(tmp_path / name, items, [r.model_copy(update=refused) for r in answers(items, name, 5)]))
        for name in ("measuring", "gpt")
    ]
    texts = [text_of(render_comparison(page))["leaderboard"] for page in pages]
    assert ["60abstained" in text.replace(" ", "") for text in texts] == [True, False]
