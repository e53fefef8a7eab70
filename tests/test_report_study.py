"""What a study says of its runs: nothing that an interval does not carry, the smaller gain, a page of its numbers."""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

import pytest

from closed_items import closed_item, predicted
from neuroonco.build.records import ClosedItem
from neuroonco.intervals import Estimate
from neuroonco.predict.records import PictureMode, Prediction, PromptForm, Scoring
from neuroonco.report.comparison import points, points_bounds
from neuroonco.report.comparison_charts import DASHES
from neuroonco.report.page import percent
from neuroonco.report.study import render_study, title, warnings_of
from neuroonco.report.study_charts import curves
from neuroonco.report.study_records import (
    CurvePoint,
    Finding,
    LeakCheck,
    MeanOfSeeds,
    SeedStudy,
    Study,
    StudyRole,
    StudyRun,
    StudyTraining,
)
from neuroonco.report.study_words import headline, is_clear, is_widened, stated_gain, unanswered_advice
from neuroonco.score.closed.records import Difference
from neuroonco.score.closed.score import score_closed
from neuroonco.train.records import BaseModelPart, Pictures, Recipe, Trained
from neuroonco.vocabulary import PredictionStatus, QuestionType
from neuroonco.walk.study_contrasts import contrasts_of, letters_of, mean_of_seeds
from neuroonco.walk.study_parts import PARTS

IMAGES = 80
HOSTILE = "</style><script>alert(1)</script>\n<img src=x onerror=alert(2)>"
BASE, TUNED, BLANK, SEEING, OTHERS, BLINDED = StudyRole
SEEN = {BASE: 20, TUNED: 70, BLANK: 30, SEEING: 30, OTHERS: 32, BLINDED: 25}
"""Right answers of 80, of a study in which pictures taught something."""


def benchmark() -> list[ClosedItem]:
    kinds = (QuestionType.SHAPE, QuestionType.DIAGNOSIS)
    return [closed_item(f"i{n}", "ABCD"[n % 4], question_type=kinds[n % 2]) for n in range(IMAGES)]


def answers_of(
    right: Mapping[StudyRole, int], *, asked: int = IMAGES, unread: Sequence[StudyRole] = ()
) -> dict[StudyRole, list[Prediction]]:
    """Each run has the first so many questions right; what it has wrong, those of ``unread`` do not answer."""
    items = benchmark()[:asked]
    wrong = {role: (None, PredictionStatus.UNPARSED) if role in unread else ("E",) for role in StudyRole}
    return {
        role: [
            predicted(item, item.answer) if n < right[role] else predicted(item, *wrong[role])
            for n, item in enumerate(items)
        ]
        for role in StudyRole
    }


def seed_of(
    right: Mapping[StudyRole, int],
    *,
    seed: int = 5,
    asked: int = IMAGES,
    model: str = "local:m@0",
    unread: Sequence[StudyRole] = (),
) -> SeedStudy:
    """A seed of :func:`answers_of`; ``asked`` questions have an answer."""
    return seed_from(answers_of(right, asked=asked, unread=unread), seed=seed, model=model)


def seed_from(
    answers: Mapping[StudyRole, Sequence[Prediction]], *, seed: int = 5, model: str = "local:m@0"
) -> SeedStudy:
    items, runs = benchmark(), []
    for part in PARTS:
        score = score_closed(items, answers[part.role], resamples=200)
        run = StudyRun(
            role=part.role,
            folder=f"predictions/{part.role.value}",
            model=model,
            trained_on=part.trained_on,
            asked_with=part.asked_with,
            predictions_sha256="0" * 64,
            accuracy=score.accuracy,
            macro_by_type=score.macro_by_type,
            by_type=score.by_type,
            status=score.status,
            letters=letters_of(items, answers[part.role]),
            complete=score.complete,
        )
        runs.append(run)
    contrasts = contrasts_of(items, answers, resamples=500)
    trainings = tuple(training(pictures) for pictures in Pictures)
    return SeedStudy(
        seed=seed, trainings=trainings, runs=tuple(runs), contrasts=contrasts, stated=stated_gain(runs, contrasts)
    )


def training(pictures: Pictures) -> StudyTraining:
    trained = Trained(
        recipe=Recipe(name="r", description="of the tests", model=BaseModelPart(base="m")),
        recipe_sha256="a" * 64,
        base="local:m@0",
        data_sha256="d" * 64,
        rows=1234,
        held_out_rows=56,
        pictures=pictures,
        steps=40,
        parameters=7000,
        trainable_parameters=700,
        adapter=True,
        resumed_at=(20,),
        seconds=1.0,
        tokens_seen=98765,
        tokens_per_s=None,
        train_loss=0.321,
        held_out_loss=None,
        device="cpu",
        devices=1,
        versions={},
    )
    curve = tuple(CurvePoint(step=s, loss=1 / s, held_out_loss=0.5 if s == 40 else None) for s in range(1, 41))
    return StudyTraining(pictures=pictures, folder="f", model="m", trained=trained, curve=curve)


def study_of(*seeds: SeedStudy, text: str = "plain", mean: MeanOfSeeds | None = None) -> Study:
    score = score_closed(benchmark(), [], resamples=200)
    return Study(
        recipe=text,
        base=text,
        benchmark=text,
        benchmark_sha256="b" * 64,
        questions=IMAGES,
        images=IMAGES,
        unreadable=0,
        chance=score.chance,
        chance_by_type=score.chance_by_type,
        clusters=score.clusters,
        scoring=Scoring.LIKELIHOOD,
        form=PromptForm.INSTRUCTION,
        max_tokens=64,
        leaks=LeakCheck(benchmark=80, training=4321, by_path=True, not_compared=0),
        seeds=seeds,
        mean=mean,
        headline=headline(seeds, mean),
        complete=all(run.complete for seed in seeds for run in seed.runs),
        version="0",
    )


@pytest.fixture(scope="module")
def seen() -> SeedStudy:
    return seed_of(SEEN)


# --- words ---


def test_a_gain_over_text_alone_is_stated(seen: SeedStudy) -> None:
    assert seen.stated.finding is Finding.PICTURES
    gain, rest = seen.stated.added, seen.stated.remaining
    assert seen.stated.sentence == (
        f"Of 62.5 points that training added (95 % {bounds_of(gain)}; n = 80), 50.0 remain over a model that was "
        f"trained on the same text and saw nothing (95 % {bounds_of(rest)}; n = 80)."
    )


@pytest.mark.parametrize(
    ("changed", "finding", "said"),
    [
        ({BLANK: 68, SEEING: 66}, Finding.TEXT, "it is not shown that the pictures have a part in it"),
        ({BASE: 68}, Finding.NOTHING, "It is not shown that training added anything: the difference is 2.5 points"),
        ({BASE: 78, TUNED: 40}, Finding.WORSE, "Training took 47.5 points away"),
        ({BLANK: 10, SEEING: 12}, Finding.PICTURES, "what is over may be what the base could see before"),
    ],
)
def test_nothing_is_claimed_that_is_not_clear(changed: dict[StudyRole, int], finding: Finding, said: str) -> None:
    stated = seed_of({**SEEN, **changed}).stated
    assert stated.finding is finding
    assert said in stated.sentence
    assert "remain over" not in stated.sentence
    unclear = stated.remaining if finding is Finding.TEXT else stated.added
    if finding in (Finding.TEXT, Finding.NOTHING):
        assert unclear.low is not None
        assert unclear.high is not None
        assert unclear.low <= 0 <= unclear.high


@pytest.mark.parametrize(("blank", "seeing", "stated"), [(30, 50, SEEING), (50, 30, BLANK), (40, 40, BLANK)])
def test_text_alone_is_credited_with_its_better_answer(blank: int, seeing: int, stated: StudyRole) -> None:
    seed = seed_of({**SEEN, BLANK: blank, SEEING: seeing})
    assert seed.stated.text_alone is stated
    assert seed.stated.remaining.value == pytest.approx((70 - max(blank, seeing)) / IMAGES)


@pytest.mark.parametrize("unclear", [BLANK, SEEING])
def test_a_gain_that_is_clear_over_one_way_of_asking_alone_is_not_stated(unclear: StudyRole) -> None:
    """The better answer of text alone is picked when all is seen, so that the other one must not decide."""
    items, right = benchmark(), answers_of({**SEEN, BLANK: 60, SEEING: 60})
    # As good as the other, but by the questions that the tuned model has wrong: the same gain, never as sure.
    right[unclear] = [predicted(item, item.answer if n >= 20 else "E") for n, item in enumerate(items)]
    seed = seed_from(right)
    other = SEEING if unclear is BLANK else BLANK
    pairs = {contrast.second: contrast.pair for contrast in seed.contrasts}
    assert pairs[unclear].difference.value == pairs[other].difference.value
    assert (is_clear(pairs[unclear]), is_clear(pairs[other])) == (False, True)
    assert seed.stated.finding is Finding.TEXT
    assert "it is not shown that the pictures have a part in it" in seed.stated.sentence
    low = pairs[unclear].difference.low
    assert low is not None
    assert low <= 0
    assert (
        f"(95 % {bounds_of(pairs[unclear].difference)}; n = 80)".replace("-", "\N{MINUS SIGN}") in seed.stated.sentence
    )


def test_a_base_that_cannot_keep_to_the_form_is_told() -> None:
    seed = seed_of({**SEEN, BASE: 0}, unread=[BASE])
    assert seed.stated.finding is Finding.PICTURES
    assert seed.stated.sentence.endswith(
        " The base gave no readable answer to 80 of 80 questions, which count as wrong: up to 87.5 of the points that "
        "were added can be the form of a reply alone."
    )
    study = study_of(seed, seed_of(SEEN, seed=6, unread=[BLANK]))
    told = warnings_of(study)
    assert [line.partition(" questions")[0] for line in told] == [
        "Base model: no readable answer to 80 of 80",
        "Tuned without pictures, asked without (seed 6): no readable answer to 50 of 80",
    ]
    page = Page(render_study(study))
    assert all(line in page.text for line in told)
    assert warnings_of(study_of(seed_of(SEEN))) == []


def test_a_model_that_always_says_one_letter_is_told() -> None:
    seed = seed_of({**SEEN, BASE: 0})
    assert seed.runs[0].letters == {"E": 80}
    assert seed.runs[1].letters == {"A": 18, "B": 18, "C": 17, "D": 17, "E": 10}
    (told,) = warnings_of(study_of(seed))
    assert told.startswith("Base model: every answer is E (n = 80)")


def test_an_incomplete_study_states_nothing() -> None:
    seed = seed_of(SEEN, asked=79)
    assert seed.stated.finding is Finding.INCOMPLETE
    assert not re.search(r"\d", seed.stated.sentence)
    assert warnings_of(study_of(seed)) == [
        "Incomplete: not every question was put to every model; calls failed or were cut off: the same command asks "
        "them again."
    ]
    html = render_study(study_of(seed))
    cards = Page(html[html.index('<div class="cards">') : html.index('<section id="runs">')])
    assert cards.text.count("not stated") == 4
    assert not re.search(r"\d", cards.text)
    assert "over text alone" not in headline([seed, seed], mean_of_seeds(benchmark(), [answers_of(SEEN)], resamples=50))


@pytest.mark.parametrize(
    ("status", "said", "unsaid"),
    [
        ({PredictionStatus.MISSING_IMAGE: 1}, ["--benchmark-root"], "calls failed"),
        ({PredictionStatus.API_ERROR: 1}, ["calls failed"], "--benchmark-root"),
        (
            {PredictionStatus.API_ERROR: 1, PredictionStatus.MISSING_IMAGE: 2},
            ["calls failed", "--benchmark-root"],
            "no call",
        ),
    ],
)
def test_advice_names_what_is_missing(status: dict[PredictionStatus, int], said: list[str], unsaid: str) -> None:
    answers = answers_of(SEEN)
    kinds = [kind for kind, number in status.items() for _ in range(number)]
    lost = [predicted(item, None, kind) for item, kind in zip(benchmark(), kinds, strict=False)]
    answers[TUNED] = [*lost, *answers[TUNED][len(lost) :]]
    seed = seed_from(answers)
    assert seed.stated.finding is Finding.INCOMPLETE
    (warning,) = warnings_of(study_of(seed))
    for word in said:
        assert word in seed.stated.sentence
        assert word in warning
    assert unsaid not in seed.stated.sentence
    assert unanswered_advice(seed_of(SEEN).runs) is None


def test_an_interval_that_is_not_of_the_bootstrap_is_marked(seen: SeedStudy) -> None:
    """No question tells the two apart: the interval is what 80 images could have missed, and a footnote says so."""
    seed = seed_of({**SEEN, BASE: 70})
    widened = [contrast.second for contrast in seed.contrasts if is_widened(contrast.pair.difference)]
    assert widened == [BASE]
    text = Page(render_study(study_of(seed))).text
    assert "−4.6 to +4.6*" in text
    assert "up to 4.6 % of images (the upper Wilson bound of 0 in 80)" in text
    one_apart = seed_of({**SEEN, BASE: 69})  # a bootstrap of one question is one all the same
    assert not any(is_widened(contrast.pair.difference) for contrast in one_apart.contrasts)
    assert "*" not in Page(render_study(study_of(seen))).text.partition("Hash of its")[2]


def test_curves_are_told_apart_without_colors(seen: SeedStudy) -> None:
    html = render_study(study_of(seen))
    keys = html[html.index('<ul class="model-keys') : html.index('<div class="charts">')]
    assert re.findall(r"stroke-dasharray='([^']+)'", keys) == list(DASHES[1:3])
    assert re.findall(r">(\d)</text>", keys) == ["1", "2", "3"]
    drawn = str(curves([training(pictures) for pictures in Pictures], "loss"))
    assert re.findall(r"class='in'[^>]*>(\d)<", drawn) == ["1", "2", "3"]
    places = re.findall(r"<circle class='disk m\d' cx='([\d.]+)'", drawn)
    assert len(set(places)) == 3


def test_several_seeds_say_how_far_they_agree(seen: SeedStudy) -> None:
    other = seed_of({**SEEN, BLANK: 69, SEEING: 69}, seed=6)
    both = [answers_of(SEEN), answers_of({**SEEN, BLANK: 69, SEEING: 69})]
    mean = mean_of_seeds(benchmark(), both, resamples=500)
    assert mean.remaining.value == pytest.approx((70 - (30 + 69) / 2) / IMAGES)
    assert mean.added.value == pytest.approx(50 / IMAGES)
    assert mean.over_others.value == pytest.approx(38 / IMAGES)
    assert mean.remaining.n == IMAGES  # and not twice as many
    said = headline([seen, other], mean)
    assert said.startswith(seen.stated.sentence)
    assert said.endswith(
        " This is of seed 5; 1 of 2 seeds find the same. The mean over these seeds is 25.6 points over text alone "
        f"(95 % {bounds_of(mean.remaining)}; n = 80)."
    )
    study = study_of(seen, other, mean=mean)
    assert title(study) == "The seeds do not agree: pictures taught something in 1 of 2"
    assert title(study_of(seen, seen)) == "Pictures taught something"
    page = Page(render_study(study))
    assert f"{points(mean.remaining.value)} {points_bounds(mean.remaining)}" in page.text


def test_the_mean_of_one_seed_and_of_equal_seeds_is_that_of_the_seed(seen: SeedStudy) -> None:
    for times in (1, 3):
        mean = mean_of_seeds(benchmark(), [answers_of(SEEN)] * times, resamples=500)
        assert mean.remaining == seen.stated.remaining
        assert mean.added == seen.stated.added


# --- the page ---


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_the_numbers_of_the_study(seen: SeedStudy) -> None:
    study = study_of(seen)
    page = Page(render_study(study))
    assert study.headline in page.text
    for run in seen.runs:
        assert f"{percent(run.accuracy.value)} {bounds_of(run.accuracy)}, n = 80" in page.text
        for kind in ("shape", "diagnosis"):
            assert run.role not in (BASE, TUNED, BLANK) or percent(run.by_type[kind].value) in page.text
    for contrast in seen.contrasts:
        assert points(contrast.pair.difference.value) in page.text
        assert str(contrast.pair.only_a) in page.text
    for shown in (
        "1,234",
        "98,765",
        "went on at 20",
        "0.321",
        "aaaaaaaaaaaa",
        "dddddddddddd",
        "4,321",
        percent(study.chance),
    ):
        assert shown in page.text, shown
    assert "One seed" in page.text
    assert render_study(Study.model_validate_json(study.model_dump_json())) == render_study(study)


def bounds_of(estimate: Estimate | Difference) -> str:
    assert estimate.low is not None
    assert estimate.high is not None
    return f"{estimate.low * 100:.1f} to {estimate.high * 100:.1f}"


def test_text_from_data_is_inert() -> None:
    seed = seed_of(SEEN, model=f"local:{HOSTILE}@0")
    html = render_study(study_of(seed, seed_of(SEEN, seed=6), text=HOSTILE))
    page = Page(html)
    assert "alert(1)" in page.text
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "link"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert html.count("</style>") == 1
    policy = next(attrs for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert "https:" not in html


def test_curves_draw_what_was_logged_and_no_more() -> None:
    drawn = str(curves([training(pictures) for pictures in Pictures], "loss"))
    assert drawn.count("class='curve") == 3
    assert "real pictures: 0.025 at step 40" in drawn
    single = str(curves([training(Pictures.REAL)], "held_out_loss"))
    assert single.count("<circle") == 1
    empty = training(Pictures.REAL).model_copy(update={"curve": ()})
    assert "class='curve" not in str(curves([empty], "loss"))
    with pytest.raises(ValueError, match="accuracy"):
        curves([empty], "accuracy")


def test_every_part_is_asked_with_what_its_role_says() -> None:
    assert {part.role: part.asked_with for part in PARTS if part.asked_with is not PictureMode.TRUE} == {
        BLANK: PictureMode.BLANK,
        BLINDED: PictureMode.BLANK,
    }
