"""Gather what a comparison shows: runs read, scored and compared, and their errors with pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neuroonco import __version__, images, store
from neuroonco.build.records import REPORTED_TYPES, ClosedItem, OpenItem
from neuroonco.errors import InputError, UsageError
from neuroonco.images import Gray, PictureRef
from neuroonco.intervals import Estimate
from neuroonco.predict.records import OpenPrediction, Prediction, QuestionKind
from neuroonco.predict.run_files import benchmark_hash
from neuroonco.predict.same_benchmark import identical
from neuroonco.report.comparison import render_comparison, render_open_comparison
from neuroonco.report.comparison_records import (
    ClosedModel,
    ComparisonPage,
    ErrorGallery,
    OpenComparisonPage,
    OpenModel,
    Verdict,
)
from neuroonco.report.comparison_tables import closed_rows, csv_text, open_rows
from neuroonco.report.comparison_tex import closed_tex, open_tex
from neuroonco.report.pictures import Album
from neuroonco.report.records import Fact
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.score.closed.compare import compare
from neuroonco.score.closed.judge import counted, judge
from neuroonco.score.closed.records import Clusters, PairsOf, Score
from neuroonco.score.closed.score import score_closed
from neuroonco.walk.comparison_errors import Answered, galleries
from neuroonco.walk.comparison_models import Contender, abstains, asked_words, contenders, own_pairs
from neuroonco.walk.comparison_runs import Answer, Item, Together, closed_runs, kind_of_runs, open_runs

MAX_MODELS = 60
"""On one page: heat maps and marks cannot be read with more."""
ALL_PAIRS_UP_TO = 8
"""Models: 28 differences; with more, each is compared with the first alone."""


@dataclass(frozen=True)
class Asked:
    """What a comparison is made of.

    Attributes:
        places: runs; see :mod:`neuroonco.walk.comparison_runs`.
        benchmark: the questions that count; None for those of the runs.
        root: folder of the pictures; None for a page without.
        seed, resamples: of the intervals, and of the choice of errors.
        errors: shown for each model at most.
        reference: name of the model that each other one is compared with; None for all pairs, or those with the first.
    """

    places: tuple[Path, ...]
    benchmark: Path | None = None
    root: Path | None = None
    seed: int = SEED
    resamples: int = RESAMPLES
    errors: int = 6
    reference: str | None = None


@dataclass(frozen=True)
class Written:
    """What was written, and what a person should be told."""

    page: Path
    csv: Path
    tex: Path
    models: int
    questions: int
    kind: QuestionKind
    warnings: tuple[str, ...]
    page_bytes: int


def write_comparison(asked: Asked, page: Path) -> Written:
    """Write the page, and its tables as CSV and LaTeX beside it; the same runs give the same bytes.

    Raises:
        InputError: a run cannot be read, or answers other questions than the rest.
        UsageError: a file of predictions without its questions.
    """
    kind = kind_of_runs(asked.places, asked.benchmark)
    if kind is QuestionKind.CLOSED:
        closed = gather_closed(asked)
        html, rows, tex = render_comparison(closed), closed_rows(closed), closed_tex(closed)
        context: ComparisonPage | OpenComparisonPage = closed
    else:
        context = gather_open(asked)
        html, rows, tex = render_open_comparison(context), open_rows(context), open_tex(context)
    csv_path, tex_path = page.with_suffix(".csv"), page.with_suffix(".tex")
    store.write_text(csv_path, csv_text(rows))
    store.write_text(tex_path, tex)
    store.write_text(page, html)
    models, size = len(context.models), len(html.encode())
    return Written(page, csv_path, tex_path, models, context.questions, kind, context.warnings, size)


def gather_closed(asked: Asked) -> ComparisonPage:
    """Closed runs, scored and compared."""
    together = closed_runs(asked.places, asked.benchmark)
    found = _contenders(together)
    scores = [(one, _scored(one, together, asked)) for one in found]
    scores.sort(key=lambda pair: (-(pair[1].accuracy.value or 0.0), pair[0].name))
    models = tuple(_closed_model(number, *pair) for number, pair in enumerate(scores, 1))
    reference = _reference(asked.reference, [one for one, _ in scores])
    of_first = reference is None and len(models) > ALL_PAIRS_UP_TO
    own_runs = own_pairs([one for one, _ in scores])
    ordered = sorted((one for one, _ in scores), key=lambda one: one.name != reference)  # others keep their order
    compared = compare(
        together.items,
        {one.name: one.run.predictions for one in ordered},
        seed=asked.seed,
        resamples=asked.resamples,
        pairs=PairsOf.FIRST if reference is not None else PairsOf.BEST if of_first else PairsOf.ALL,
        also=own_runs,
    )
    own = counted(together.items)
    types = [kind for kind in REPORTED_TYPES if any(m.score.by_type[kind].n for m in models if kind in m.score.by_type)]
    return ComparisonPage(
        title="Comparison of models",
        benchmark=together.benchmark,
        benchmark_sha256=benchmark_hash(together.items),
        questions=len(own),
        images=len({item.image_id for item in own}),
        facts=_facts(asked, compared.clusters),
        warnings=tuple(_warnings(together, found)),
        models=models,
        pairs=compared.pairs,
        tests=compared.tests,
        of_first=of_first,
        own_pairs=len(own_runs),
        reference=reference,
        clusters=compared.clusters,
        chance=models[0].score.chance,
        types=tuple(types),
        galleries=_galleries(own, scores, models, asked),
    )


def gather_open(asked: Asked) -> OpenComparisonPage:
    """Open runs, scored."""
    from neuroonco.score.open.score import score_open  # here: it brings libraries that closed scores do without

    if asked.reference is not None:
        what = "open questions have no pairwise tests"
        raise UsageError("REFERENCE_OPEN", what, where="--reference", fix="leave it out")
    together = open_runs(asked.places, asked.benchmark)
    found = _contenders(together)
    scores = [
        (one, score_open(together.items, one.run.predictions, seed=asked.seed, resamples=asked.resamples))
        for one in found
    ]
    scores.sort(key=lambda pair: (-(pair[1].attributes.f1.value or 0.0), pair[0].name))
    models = tuple(
        OpenModel(
            number=number,
            name=one.name,
            asked=asked_words(one),
            sees_picture=one.sees_picture,
            sees_instead=one.sees_instead,
            abstains=abstains(one.run.model),
            unreadable=one.run.unreadable,
            score=score,
        )
        for number, (one, score) in enumerate(scores, 1)
    )
    return OpenComparisonPage(
        title="Comparison of models on open questions",
        benchmark=together.benchmark,
        benchmark_sha256=benchmark_hash(together.items),
        questions=len(together.items),
        images=len({item.image_id for item in together.items}),
        facts=_facts(asked, models[0].score.clusters),
        warnings=tuple(_warnings(together, found)),
        models=models,
        types=tuple(sorted({kind for m in models for kind, share in m.score.by_type.items() if share.n})),
    )


def verdict(accuracy: Estimate, chance: float | None) -> Verdict:
    """Where a figure lies beside chance: within its interval is not above.

    >>> verdict(Estimate(value=0.3, low=0.2, high=0.4, n=90), 0.2).value
    'not above chance'
    """
    if chance is None or accuracy.low is None or accuracy.high is None:
        return Verdict.UNKNOWN
    if accuracy.high < chance:
        return Verdict.BELOW
    return Verdict.ABOVE if accuracy.low > chance else Verdict.NOT_ABOVE


def _contenders(together: Together[Item, Answer]) -> list[Contender[Item, Answer]]:
    found = contenders(together.runs)
    if len(found) > MAX_MODELS:
        what = f"{len(found)} models, at most {MAX_MODELS} fit on one page"
        raise UsageError("TOO_MANY_MODELS", what, fix="compare fewer runs at once")
    return found


def _reference(named: str | None, found: Sequence[Contender[ClosedItem, Prediction]]) -> str | None:
    """The name on the page of the model that was named."""
    if named is None:
        return None
    names = [one.name for one in found]
    meant = [name for name in names if name == named] or [one.name for one in found if one.run.model == named]
    if len(meant) != 1:
        what = f"{len(meant)} of the models have the name {named[:100]!r}"
        raise UsageError("REFERENCE_UNKNOWN", what, where="--reference", fix=f"name one of: {', '.join(names)}")
    return meant[0]


def _scored(one: Contender[ClosedItem, Prediction], together: Together[ClosedItem, Prediction], asked: Asked) -> Score:
    score = score_closed(
        together.items,
        one.run.predictions,
        one.run.sequences,
        seed=asked.seed,
        resamples=asked.resamples,
        permuted=[run.predictions for run in one.permuted],
    )
    # Questions that cannot be read are in no denominator, so that the score is not that of the whole benchmark.
    return score.model_copy(update={"complete": False}) if together.unreadable_questions else score


def _closed_model(number: int, one: Contender[ClosedItem, Prediction], score: Score) -> ClosedModel:
    return ClosedModel(
        number=number,
        name=one.name,
        asked=asked_words(one),
        sees_picture=one.sees_picture,
        sees_instead=one.sees_instead,
        abstains=abstains(one.run.model),
        unreadable=one.run.unreadable,
        score=score,
        verdict=verdict(score.accuracy, score.chance),
        verdict_by_type={
            kind: verdict(share, score.chance_by_type.get(kind)) for kind, share in score.by_type.items() if share.n
        },
    )


def _galleries(
    items: Sequence[ClosedItem],
    scores: Sequence[tuple[Contender[ClosedItem, Prediction], Score]],
    models: Sequence[ClosedModel],
    asked: Asked,
) -> tuple[ErrorGallery, ...]:
    answered = [
        Answered(model.number, model.name, judge(items, one.run.predictions))
        for (one, _), model in zip(scores, models, strict=True)
        if one.sees_picture
    ]
    read = _no_root if asked.root is None else partial(images.read_picture, asked.root)
    return galleries(answered, Album(read), errors=asked.errors, seed=asked.seed)


def _no_root(_: PictureRef) -> Gray:
    raise InputError("ROOT_NOT_GIVEN", "the pictures are under the collections' root", fix="pass --root FOLDER")


def _facts(asked: Asked, clusters: Clusters) -> tuple[Fact, ...]:
    unit = "groups of patients or copies" if clusters.unit == "group" else "images"
    return (
        Fact(name="Intervals", value=f"95 %, {clusters.resamples} resamples of {clusters.n} {unit}"),
        Fact(name="Seed", value=str(asked.seed)),
        Fact(name="neuroonco", value=__version__),
    )


def _warnings(together: Together[Item, Answer], found: Sequence[Contender[Item, Answer]]) -> Iterator[str]:
    """What a reader must know before any figure."""
    total, told = len(together.items), set[str]()
    for contender in found:
        for run in contender.runs:
            name, fit = contender.name, together.matches[run.place]
            if fit.is_part and fit.asked is not None:
                rest = total - fit.asked
                yield f"{name} was asked {fit.asked} of the {total} questions: the other {rest} count as wrong"
            unknown = _unmatched(together, run.predictions)
            if unknown:
                yield f"{unknown} predictions of {name} are for no question of the benchmark and count nowhere"
            if run.place in told:  # what follows is of the file, whatever models it holds
                continue
            told.add(run.place)
            if run.unreadable:
                yield f"{run.unreadable} rows of {Path(run.place).name} cannot be read and count for no model"
            if fit.contradicting:
                rows = f"{fit.contradicting} rows of {Path(run.place).name}"
                yield f"{rows} state another answer or image than their question has; they are scored by the benchmark"
    if together.unreadable_questions:
        yield f"{together.unreadable_questions} questions of the benchmark cannot be read and are in no figure"
    for one, other in identical({contender.name: contender.run.predictions for contender in found}):
        yield f"{one} and {other} have the same answers in every row: is it one run under two names?"
    abouts = [run.about for run in together.runs if run.about is not None]
    if len({tuple(sorted(about.prompts.items())) for about in abouts if about.prompts}) > 1:
        yield "the models were not all asked with the same prompts"
    if len({about.per_image for about in abouts if about.prompts}) > 1:
        yield "some models were asked all questions of an image in one call, where they tell of each other; others not"


def _unmatched(together: Together[Item, Answer], predictions: Sequence[Prediction] | Sequence[OpenPrediction]) -> int:
    known = {(i.image_id, i.question_id if isinstance(i, OpenItem) else i.q_index) for i in together.items}
    return sum((p.id, p.question_id if isinstance(p, OpenPrediction) else p.q_index) not in known for p in predictions)
