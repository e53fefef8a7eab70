"""What a study's runs come to: scored, compared on the same questions, and the gain that is stated."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neuroonco import store
from neuroonco.build.records import REPORTED_TYPES, ClosedItem
from neuroonco.predict.records import Prediction
from neuroonco.predict.run_files import RunFiles, read_about, read_closed_run
from neuroonco.report.study_records import (
    Contrast,
    CurvePoint,
    MeanOfSeeds,
    SeedStudy,
    StudyRole,
    StudyRun,
    StudyTraining,
)
from neuroonco.report.study_words import TEXT_ALONE, stated_gain
from neuroonco.resampling import SEED
from neuroonco.score.closed.clustering import in_clusters
from neuroonco.score.closed.compare import compare, paired_difference
from neuroonco.score.closed.judge import counted, judge
from neuroonco.score.closed.records import Difference, PairsOf, Score
from neuroonco.score.closed.score import score_closed
from neuroonco.train.history import HistoryRow
from neuroonco.train.records import Pictures, Trained
from neuroonco.train.training_folder import HISTORY
from neuroonco.walk.study_parts import PARTS, AskedStudy

PRESPECIFIED = (StudyRole.BASE, StudyRole.BLANK_ON_BLANK, StudyRole.SHUFFLED_ON_REAL)
"""What the tuned model is compared with, chosen before any answer is seen; corrected for together (Holm)."""
EXPLAINING = (StudyRole.BLANK_ON_REAL, StudyRole.TUNED_ON_BLANK)
"""Likewise, beside these; corrected for apart."""
Answers = Mapping[StudyRole, Sequence[Prediction]]


def contrasts_of(items: Sequence[ClosedItem], answers: Answers, *, resamples: int) -> tuple[Contrast, ...]:
    """The tuned model with each of the others, over all questions and by type.

    Args:
        items: the benchmark.
        answers: predictions of each run.
        resamples: behind each interval and test.
    """
    types = [kind for kind in REPORTED_TYPES if any(item.reported_type == kind for item in counted(items))]
    by_type = {
        kind: _differences([item for item in items if item.reported_type == kind], answers, resamples) for kind in types
    }
    found = []
    for others in (PRESPECIFIED, EXPLAINING):
        models = {role.value: answers[role] for role in (StudyRole.TUNED, *others)}
        compared = compare(items, models, seed=SEED, resamples=resamples, pairs=PairsOf.FIRST)
        for pair, role in zip(compared.pairs, others, strict=True):
            contrast = Contrast(
                first=StudyRole.TUNED,
                second=role,
                pair=pair,
                is_prespecified=others is PRESPECIFIED,
                tests=compared.tests,
                by_type={kind: by_type[kind][role.value] for kind in types},
            )
            found.append(contrast)
    return tuple(found)


def _differences(items: Sequence[ClosedItem], answers: Answers, resamples: int) -> dict[str, Difference]:
    models = {role.value: answers[role] for role in (StudyRole.TUNED, *PRESPECIFIED, *EXPLAINING)}
    compared = compare(items, models, seed=SEED, resamples=resamples, pairs=PairsOf.FIRST)
    return {pair.b: pair.difference for pair in compared.pairs}


def mean_of_seeds(items: Sequence[ClosedItem], answers: Sequence[Answers], *, resamples: int) -> MeanOfSeeds:
    """The tuned models with the others, accuracies taken as means over the seeds.

    Args:
        items: the benchmark.
        answers: predictions of each run, one mapping a seed.
        resamples: behind each interval.
    """
    own = counted(items)
    questions = in_clusters(own, seed=SEED, resamples=resamples)
    right = {
        role: np.mean([[one.is_right for one in judge(own, seed[role])] for seed in answers], axis=0)
        for role in StudyRole
    }

    def gain(other: StudyRole) -> Difference:
        gains = questions.sums(np.stack([right[StudyRole.TUNED] - right[other], np.ones(len(own))], axis=1))
        return paired_difference(gains, questions.resamples.totals(gains))

    text_alone = max(TEXT_ALONE, key=lambda role: float(right[role].sum()))
    return MeanOfSeeds(
        added=gain(StudyRole.BASE),
        text_alone=text_alone,
        remaining=gain(text_alone),
        over_others=gain(StudyRole.SHUFFLED_ON_REAL),
    )


def answers_of(asked: AskedStudy, seed: int) -> dict[StudyRole, list[Prediction]]:
    """Predictions of each run of a seed.

    Raises:
        InputError: a run cannot be read.
    """
    return {part.role: read_closed_run(asked.predictions(part, seed)).predictions for part in PARTS}


def letters_of(items: Sequence[ClosedItem], predictions: Sequence[Prediction]) -> dict[str, int]:
    """Answers to the questions that count, by letter."""
    chosen = Counter(one.letter for one in judge(counted(items), predictions) if one.letter is not None)
    return dict(sorted(chosen.items()))


def seed_study(
    asked: AskedStudy, items: Sequence[ClosedItem], seed: int, trained: Mapping[Pictures, Trained], answers: Answers
) -> tuple[SeedStudy, Score]:
    """Score and compare what one seed's runs left.

    Returns:
        All of the seed, and the score of its base model, which knows chance and clusters.

    Raises:
        InputError: a file cannot be read.
    """
    runs, base = [], None
    for part in PARTS:
        place = asked.predictions(part, seed)
        score = score_closed(items, answers[part.role], seed=SEED, resamples=asked.resamples)
        base = base or score
        about = read_about(place)
        run = StudyRun(
            role=part.role,
            folder=place.relative_to(asked.out).as_posix(),
            model=about.model if about is not None else part.role.value,
            trained_on=part.trained_on,
            asked_with=part.asked_with,
            predictions_sha256=store.sha256_file(RunFiles.at(place).predictions),
            accuracy=score.accuracy,
            macro_by_type=score.macro_by_type,
            by_type=score.by_type,
            status=score.status,
            letters=letters_of(items, answers[part.role]),
            complete=score.complete,
        )
        runs.append(run)
    if base is None:
        raise ValueError("a study has runs")
    contrasts = contrasts_of(items, answers, resamples=asked.resamples)
    found = SeedStudy(
        seed=seed,
        trainings=tuple(_training(asked, pictures, seed, result) for pictures, result in trained.items()),
        runs=tuple(runs),
        contrasts=contrasts,
        stated=stated_gain(runs, contrasts),
    )
    return found, base


def _training(asked: AskedStudy, pictures: Pictures, seed: int, trained: Trained) -> StudyTraining:
    folder = asked.training(pictures, seed)
    rows = store.load_strict(folder / HISTORY, HistoryRow)
    return StudyTraining(
        pictures=pictures,
        folder=_within(folder, asked.out),
        model=_within(asked.model_folder(pictures, seed), asked.out),
        trained=_without_place(trained),
        curve=tuple(CurvePoint(step=row.step, loss=row.loss, held_out_loss=row.held_out_loss) for row in rows),
    )


def _without_place(trained: Trained) -> Trained:
    """A training whose base is named by the last part of its place: folders belong to one machine."""
    model = trained.recipe.model
    named = model.model_copy(update={"base": Path(model.base).name})
    return trained.model_copy(update={"recipe": trained.recipe.model_copy(update={"model": named})})


def _within(place: Path, out: Path) -> str:
    return place.relative_to(out).as_posix()
