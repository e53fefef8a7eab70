"""Models on the same questions."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from closed_items import closed_item, predicted
from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli.app import run
from neuroonco.predict.records import Prediction
from neuroonco.resampling import Resamples
from neuroonco.score.closed import compare as compare_module
from neuroonco.score.closed.compare import compare, distinct_names, holm, sign_flip_p
from neuroonco.score.closed.forest import forest_line, forest_svg, reach_of
from neuroonco.score.closed.records import Pair, PairsOf


def benchmark(images: int, questions: int = 1) -> list[ClosedItem]:
    return [closed_item(f"{n:03}", "A", q_index=q) for n in range(images) for q in range(questions)]


def right_on(items: list[ClosedItem], right: set[int], model: str = "m") -> list[Prediction]:
    return [predicted(item, "A" if n in right else "B", model=model) for n, item in enumerate(items)]


def pair_of(items: list[ClosedItem], a: list[Prediction], b: list[Prediction], seed: int = 0) -> Pair:
    (found,) = compare(items, {"a": a, "b": b}, seed=seed).pairs
    return found


def test_counts_difference_and_exact_p() -> None:
    items = benchmark(20)
    result = pair_of(items, right_on(items, set(range(12))), right_on(items, {0, 1, 2, 3, 12, 13}))
    assert (result.a, result.b) == ("a", "b")
    assert (result.both_right, result.only_a, result.only_b, result.neither) == (4, 8, 2, 6)
    assert result.difference.value == pytest.approx(0.3)
    # two-sided exact: twice the tail of 2 or fewer of 10
    assert result.mcnemar_p == pytest.approx(2 * binom.cdf(2, 10, 0.5))
    assert result.difference.low is not None
    assert result.difference.high is not None
    assert -0.05 < result.difference.low < 0.3 < result.difference.high < 0.65
    # With one question an image, flipping the signs of images is McNemar's exact test.
    assert result.sign_flip_p == result.holm_p == pytest.approx(result.mcnemar_p)


def test_the_p_of_few_clusters_is_exact() -> None:
    def p_of(*gains: float) -> float | None:
        return sign_flip_p(np.array(gains, float)[:, None], Resamples(len(gains), 100, 0))[0]

    # By hand: of 16 choices of signs for 3, 2, 1, -1 those of |sum| >= 5 are 5, 5, 7 and their mirrors.
    assert p_of(3, 2, 1, -1) == 6 / 16
    assert p_of(3, 2, 1, -1, 0, 0) == 6 / 16
    assert p_of(1, 1, 1, 1, 1) == 2 / 32
    assert p_of(1, -1) == p_of(0, 0) == 1.0
    assert p_of(4) is None


def test_many_random_signs_come_near_all_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    gains = np.array([3, 1, 2, -1, 1, 4, -2, 1, 2, 1], float)[:, None]
    (exact,) = sign_flip_p(gains, Resamples(10, 100, 0))
    monkeypatch.setattr(compare_module, "EXACT_UP_TO", 0)
    (drawn,) = sign_flip_p(gains, Resamples(10, 20_000, 0))
    assert drawn == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("clusters", [8, 12, 20, 100])
def test_no_difference_is_found_in_five_of_a_hundred(clusters: int) -> None:
    # Answers to one image share its difficulty and, of one model, its look at the image.
    rng = np.random.default_rng(clusters)
    found = 0
    for seed in range(400):
        ease = rng.beta(0.9, 0.6, (clusters, 1))
        a, b = (
            rng.random((clusters, 4)) < np.where(rng.random((clusters, 4)) < 0.5, ease, rng.random((clusters, 1)))
            for _ in range(2)
        )
        gains = (a.astype(int) - b).sum(axis=1, keepdims=True).astype(float)
        found += (sign_flip_p(gains, Resamples(clusters, 300, seed))[0] or 0) < 0.05
    assert found <= 400 * 0.05 + 2 * 4.4  # two standard errors


def test_swapping_the_models_mirrors_the_result() -> None:
    items = benchmark(30)
    a, b = right_on(items, set(range(15))), right_on(items, set(range(10, 20)))
    forth, back = pair_of(items, a, b, seed=5), pair_of(items, b, a, seed=5)
    assert (forth.mcnemar_p, forth.sign_flip_p) == (back.mcnemar_p, back.sign_flip_p)
    assert forth.difference.value == pytest.approx(-back.difference.value)  # type: ignore[operator]
    assert forth.difference.low == pytest.approx(-back.difference.high)  # type: ignore[operator]


def test_questions_of_one_image_are_resampled_together() -> None:
    # Right or wrong by image, ten questions each: as many independent facts as images, not as questions.
    items = benchmark(12, questions=10)
    a = right_on(items, set(range(60)))
    single = [item for item in items if item.q_index == 0]
    many, alone = pair_of(items, a, []), pair_of(single, right_on(single, set(range(6))), [])
    assert many.difference.clusters == alone.difference.clusters == 12
    assert many.difference.n == 120
    assert (many.difference.low, many.difference.high) == (alone.difference.low, alone.difference.high)
    assert many.sign_flip_p == alone.sign_flip_p
    # McNemar takes the 60 questions as independent facts and is that much surer.
    assert many.mcnemar_p == pytest.approx(2 * 0.5**60)
    assert (alone.sign_flip_p or 0) > 0.005


def test_images_of_one_patient_are_resampled_together() -> None:
    items = [item.model_copy(update={"group_id": f"p{int(item.image_id) // 5}"}) for item in benchmark(60)]
    found = compare(items, {"a": right_on(items, set(range(30))), "b": []})
    assert (found.clusters.unit, found.clusters.n) == ("group", 12)
    loose = pair_of(benchmark(60), right_on(benchmark(60), set(range(30))), [])
    wide, narrow = (p.difference for p in (found.pairs[0], loose))
    assert (wide.high or 0) - (wide.low or 0) > 1.5 * ((narrow.high or 0) - (narrow.low or 0))


def test_certainty_is_never_claimed() -> None:
    few = benchmark(3)
    always = pair_of(few, right_on(few, {0, 1, 2}), [])
    # Three images cannot give less than 2 * 0.5^3.
    assert (always.sign_flip_p, always.difference.value, always.difference.high) == (0.25, 1.0, 1.0)
    assert always.difference.low is not None
    assert always.difference.low < 0
    many = benchmark(200)
    sure = pair_of(many, right_on(many, set(range(200))), [])
    assert sure.sign_flip_p == pytest.approx(1 / 2001)
    assert sure.difference.low is not None
    assert 0.95 < sure.difference.low < 1
    same = pair_of(many, right_on(many, {1}), right_on(many, {1}))
    assert (same.sign_flip_p, same.mcnemar_p, same.difference.value) == (1.0, 1.0, 0.0)
    assert same.difference.low == -(same.difference.high or 0)
    assert (same.difference.low or 0) < 0
    one = pair_of(benchmark(1, 3), right_on(benchmark(1, 3), {0}), [])
    assert (one.difference.low, one.sign_flip_p, one.holm_p) == (None, None, None)


def test_p_is_even_where_nothing_differs_but_chance() -> None:
    # Under no difference, p is below 0.1 in about a tenth of all benchmarks.
    rng = np.random.default_rng(4)
    low = 0
    for _ in range(200):
        items = benchmark(40, 2)
        image = rng.random((2, 40, 1)) < 0.5
        right = np.where(rng.random((2, 40, 2)) < 0.6, image, rng.random((2, 40, 2)) < 0.5).reshape(2, 80)
        a, b = ([predicted(i, "A" if ok else "B") for i, ok in zip(items, row, strict=True)] for row in right)
        (found,) = compare(items, {"a": a, "b": b}, resamples=300).pairs
        low += (found.sign_flip_p or 0) < 0.1
    assert 8 <= low <= 36


@pytest.mark.parametrize(
    ("given", "corrected"),
    [
        # statsmodels.stats.multitest.multipletests(..., method="holm")
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.04, 0.001, 0.5], [0.08, 0.003, 0.5]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([None, 0.02], [None, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(given: list[float | None], corrected: list[float | None]) -> None:
    found = holm(given)
    assert [p is None for p in found] == [p is None for p in corrected]
    assert [p for p in found if p is not None] == pytest.approx([p for p in corrected if p is not None])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_order_and_never_lowers(p_values: list[float]) -> None:
    found = [p for p in holm(p_values) if p is not None]
    assert len(found) == len(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, found, strict=True))
    assert [q for _, q in sorted(zip(p_values, found, strict=True))] == sorted(found)


def test_all_pairs_or_those_with_the_first() -> None:
    items = benchmark(20)
    models = {name: right_on(items, set(range(n))) for name, n in (("x", 4), ("y", 14), ("z", 15))}
    every, first = (compare(items, models, pairs=pairs) for pairs in (PairsOf.ALL, PairsOf.FIRST))
    assert [(p.a, p.b) for p in every.pairs] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert [(p.a, p.b) for p in first.pairs] == [("x", "y"), ("x", "z")]
    assert [m.model for m in every.models] == ["x", "y", "z"]
    assert [m.accuracy.value for m in every.models] == [0.2, 0.7, 0.75]
    # The same pair, corrected for two comparisons instead of three.
    assert every.pairs[1].sign_flip_p == first.pairs[1].sign_flip_p
    assert (first.pairs[1].holm_p or 0) < (every.pairs[1].holm_p or 0)


def test_pairs_with_the_best_are_corrected_as_all_pairs_are() -> None:
    items = benchmark(30)
    models = {name: right_on(items, set(range(n))) for name, n in (("x", 9), ("y", 20), ("z", 20), ("w", 4))}
    every, best = (compare(items, models, pairs=pairs) for pairs in (PairsOf.ALL, PairsOf.BEST))
    assert [(p.a, p.b) for p in best.pairs] == [("y", "x"), ("y", "z"), ("y", "w")]
    assert (every.tests, best.tests, len(every.pairs)) == (6, 6, 6)
    holm_p = {frozenset((p.a, p.b)): p.holm_p for p in every.pairs}
    assert [p.holm_p for p in best.pairs] == [holm_p[frozenset((p.a, p.b))] for p in best.pairs]
    assert compare(items, models, pairs=PairsOf.FIRST).tests == 3


def test_the_best_of_equal_models_seldom_differs() -> None:
    # Corrected for the pairs with the best alone, 15 to 30 of 100 benchmarks would call some model different.
    rng = np.random.default_rng(5)
    items = benchmark(80)
    wrong = 0
    for seed in range(25):
        right = [set(np.flatnonzero(rng.random(80) < 0.5).tolist()) for _ in range(12)]
        models = {str(n): right_on(items, found) for n, found in enumerate(right)}
        found = compare(items, models, seed=seed, resamples=300, pairs=PairsOf.BEST)
        wrong += any((p.holm_p or 0) < 0.05 for p in found.pairs)
    assert wrong <= 3


def test_order_of_questions_and_rows_does_not_matter() -> None:
    items = benchmark(15, 2)
    a, b = right_on(items, set(range(9))), right_on(items, set(range(5, 20)))
    assert compare(items, {"a": a, "b": b}) == compare(items[::-1], {"a": a[::-1], "b": b[::-1]})


def test_nothing_to_compare() -> None:
    found = pair_of([], [], [])
    assert (found.difference.value, found.mcnemar_p, found.sign_flip_p, found.neither) == (None, None, None, 0)


@given(st.lists(st.sampled_from(["a", "a (2)", "b", ""]), max_size=8))
def test_names_become_distinct(names: list[str]) -> None:
    found = distinct_names(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))


# --- the plot ---


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


HOSTILE = "<script>alert(1)</script>&\x1b[31m"


def test_the_forest_plot_is_a_picture_that_no_name_breaks() -> None:
    items = benchmark(20)
    models = {HOSTILE: right_on(items, set(range(12))), "y" * 300: right_on(items, set(range(4)))}
    found = compare(items, models)
    root = parsed(forest_svg(found))
    space = "{http://www.w3.org/2000/svg}"
    assert {e.tag.removeprefix(space) for e in root.iter()} == {"svg", "title", "rect", "text", "path", "g"}
    texts = [e.text or "" for e in root.iter(f"{space}text")]
    assert any("<script>" in t and "\\x1b" in t for t in texts)
    assert all(len(t) < 120 for t in texts)
    difference = found.pairs[0].difference
    assert difference.low is not None
    assert difference.high is not None
    low, value, high = (f"{x * 100:+.1f}" for x in (difference.low, 0.4, difference.high))
    assert any(f"{value} ({low} to {high}), p" in t for t in texts)
    assert any("20 questions in 20 images, 2,000 resamples" in t for t in texts)
    # The mark stands where its difference does on the scale between the tick of zero and the last one.
    ticks = {e.text: float(e.get("x") or 0) for e in root.iter(f"{space}text") if e.get("text-anchor") == "middle"}
    reach = reach_of(found.pairs)
    mark = next(e for e in root.iter(f"{space}rect") if e.get("width") == "10")
    zero, end = ticks["0.0"], ticks[f"{reach * 100:+.1f}"]
    assert float(mark.get("x") or 0) + 5 == pytest.approx(zero + 0.4 / reach * (end - zero), abs=0.1)


def test_the_line_of_characters_ends_where_the_interval_does() -> None:
    items = benchmark(50)
    (found,) = compare(items, {"a": right_on(items, set(range(30))), "b": right_on(items, set(range(10)))}).pairs
    line = forest_line(found, 1.0, 201)
    assert (line.index("|"), line.index("o")) == (100, 140)
    assert found.difference.low is not None
    assert line.index("-") == round(100 + 100 * found.difference.low)
    assert len(line) == 201


# --- the command ---


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    items = benchmark(20)
    store.save(tmp_path / "closed.parquet", items, ClosedItem)
    store.save(tmp_path / "a.jsonl", right_on(items, set(range(15)), "same"), Prediction)
    folder = tmp_path / "run"
    folder.mkdir()
    store.save(folder / "predictions.jsonl", right_on(items, {1}, "same")[:-1], Prediction)
    return [str(tmp_path / name) for name in ("closed.parquet", "a.jsonl", "run")]


def test_the_command_compares_files_and_runs(
    files: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    forest = tmp_path / "forest.svg"
    assert run(["compare", *files, files[1], "--forest", str(forest), "--resamples", "200", "--seed", "7"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "INCOMPLETE" in text
    assert "models: same (2)" in text
    assert "200 resamples of 20 images, seed 7" in text
    assert "same minus same (3)" in text
    assert parsed(forest.read_text("utf-8")).tag.endswith("svg")
    assert run(["compare", *files, files[1], "--pairs", "first", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(p["a"], p["b"], p["only_a"]) for p in document["pairs"]] == [
        ("same", "same (2)", 14),
        ("same", "same (3)", 0),
    ]
    assert [m["complete"] for m in document["models"]] == [True, False, True]
    assert document["models"][0]["accuracy"]["value"] == 0.75


@pytest.mark.parametrize(
    ("extra", "code", "error"),
    [([], 2, "MODELS_NUMBER"), (["OTHER", "--forest", "x.png"], 2, "FOREST_NOT_SVG"), (["missing.jsonl"], 3, "")],
)
def test_what_cannot_be_compared_is_one_line(
    files: list[str], capsys: pytest.CaptureFixture[str], extra: list[str], code: int, error: str
) -> None:
    given = [files[2] if argument == "OTHER" else argument for argument in extra]
    assert run(["compare", *files[:2], *given]) == code
    err = capsys.readouterr().err
    assert f"error[{error}" in err
    assert "Traceback" not in err
