"""Score the answers to open questions; ``neuroonco score`` comes here for an open benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neuroonco import store
from neuroonco.build.interop import read_open
from neuroonco.build.records import OpenItem
from neuroonco.cli.ledger import ledger_place
from neuroonco.cli.output import MAX_LINES, progress_bars, result, result_json, say, table
from neuroonco.errors import InputError, UsageError, printable
from neuroonco.intervals import Estimate
from neuroonco.outcomes import Quarantined
from neuroonco.predict.interop import read_open_predictions
from neuroonco.predict.records import EvaluationRun, OpenPrediction, PictureMode, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, no_predictions, read_about, require_same_questions
from neuroonco.score.open.interop import read_marks
from neuroonco.score.open.records import HIGHEST_MARK, HumanMark, Judged, JudgeScore, OpenScore
from neuroonco.score.open.score import score_open as scored

if TYPE_CHECKING:
    from neuroonco.walk.asking import Asking

Row = tuple[str, str, str, int]


def score_open(
    benchmark: Path,
    predictions: Path,
    *,
    judge: str | None,
    marks: Path | None,
    ledger: str | None,
    endpoints: Path | None,
    max_cost: float | None,
    replay: bool,
    seed: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Print the score of answers to open questions; exit code 1 follows where it is incomplete or a row
    could not be read.

    Args:
        benchmark: open questions. predictions: a file, or the folder of a run.
        judge: name of a model that marks the answers. marks: those of people, to be compared with the judge's.
        ledger, endpoints, max_cost, replay: how the judge is asked.
        seed, resamples: of the intervals.
        as_json: print the record and counts of rows that could not be read.

    Raises:
        UsageError: options that exclude each other.
        InputError: a file cannot be used.
        PrerequisiteError, ProviderError: the judge cannot be asked.
    """
    if judge is None and marks is not None:
        what, fix = "marks of people are compared with those of a judge", "name one with --judge MODEL"
        raise UsageError("MARKS_WITHOUT_JUDGE", what, where="--marks", fix=fix)
    items, bad_items = _questions(benchmark)
    given, bad_rows = _predictions(predictions)
    _say_how_made(predictions)
    require_same_questions(predictions, benchmark, items, given)
    about = read_about(predictions)
    if about is not None and about.benchmark_sha256 == benchmark_hash(items):
        bad_items = max(bad_items, about.unreadable)
    human, bad_marks = _marks(marks)
    judged = None
    if judge is not None:
        from neuroonco.walk.asking import Asking

        asking = Asking(ledger=ledger_place(ledger), endpoints=endpoints, replay=replay, max_cost_usd=max_cost, say=say)
        judged = _judged(items, given, judge, asking, RunFiles.at(predictions).predictions.parent)
    score = scored(items, given, seed=seed, resamples=resamples, judged=judged, marks=human)
    if bad_items:  # they are in no denominator, so the score is not that of the whole benchmark
        score = score.model_copy(update={"complete": False})
    models = sorted({prediction.model for prediction in given})
    bad = {"unreadable_questions": bad_items, "unreadable_predictions": bad_rows, "unreadable_marks": bad_marks}
    if as_json:
        result_json({"models": models} | score.model_dump(mode="json") | bad)
    else:
        print_open_score(score, models, bad)
    if any(bad.values()) or not score.complete:
        raise typer.Exit(1)


# --- what is read ---


def _questions(path: Path) -> tuple[list[OpenItem], int]:
    loaded = read_open(path)
    _name(loaded.unreadable)
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix="pass an open benchmark")
    return loaded.records, len(loaded.unreadable)


def _predictions(place: Path) -> tuple[list[OpenPrediction], int]:
    path = RunFiles.at(place).predictions
    if place.is_dir() and not path.exists():
        raise no_predictions(place)
    if path.suffix in (".jsonl", ".parquet"):
        first = store.first_row(path)
        if isinstance(first, dict) and "q_index" in first and "question_id" not in first:
            what, fix = "these are answers to closed questions", "pass the closed benchmark that they answer"
            raise InputError("PREDICTIONS_CLOSED", what, where=str(path), fix=fix)
    loaded = read_open_predictions(path)
    _name(loaded.unreadable)
    if not loaded.records and not loaded.unreadable:
        say(f"{path.name}: no prediction in this file; every question counts as missing")
    return loaded.records, len(loaded.unreadable)


def _marks(path: Path | None) -> tuple[list[HumanMark], int]:
    if path is None:
        return [], 0
    loaded = read_marks(path)
    _name(loaded.unreadable)
    return loaded.records, len(loaded.unreadable)


def _name(unreadable: list[Quarantined]) -> None:
    for row in unreadable[:MAX_LINES]:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(unreadable) > MAX_LINES:
        say(f"... and {len(unreadable) - MAX_LINES} more")


def _say_how_made(place: Path) -> None:
    """Warn of what a run's own description says that a reader of its score must know."""
    about: EvaluationRun | None = read_about(place)
    if about is None:
        return
    if about.kind is not QuestionKind.OPEN:
        what, fix = "this run answers closed questions", "pass the benchmark that it answers"
        raise InputError("RUN_CLOSED", what, where=str(place), fix=fix)
    if about.picture is not PictureMode.TRUE:
        say(f"note: {place.name} was made with pictures: {about.picture.value}")
    if about.per_image:
        say(f"note: {place.name} asked all questions of an image in one call, so that sibling questions can leak")


def _judged(items: list[OpenItem], given: list[OpenPrediction], judge: str, asking: "Asking", folder: Path) -> Judged:
    from neuroonco.walk.judging import judge_answers
    from neuroonco.walk.models import named_model

    model = named_model(judge, asking)
    if model.asked is None or model.picture is not PictureMode.TRUE:
        what, fix = f"{judge[:100]!r} cannot judge", "name a model as in --model, without a prefix such as blind:"
        raise UsageError("JUDGE_UNFIT", what, where="--judge", fix=fix)
    with progress_bars() as update:
        return judge_answers(
            items,
            given,
            model.asked,
            asking,
            asking.place(folder),
            progress=lambda done: update("marks", done, len(items)),
        )


# --- what is printed ---


def print_open_score(score: OpenScore, models: list[str], unreadable: dict[str, int]) -> None:
    """All figures of one model's open answers."""
    if not score.complete:
        result("INCOMPLETE: some questions have no answer, or some answers no mark; see the counts below")
    found, keywords = score.attributes, score.keywords
    rows = [
        _row("attributes: F1 (primary)", found.f1),
        _row("  F1 of the best constant answer", found.floor.f1),
        _row("  gain over the constant answer", found.gain),
        _row("attributes: recall", found.recall),
        _row("  recall of the constant answer", found.floor.recall),
        *(row for kind, share in score.by_type.items() for row in _of_type(kind, share, score.floor_by_type[kind])),
        _row("attributes: precision", found.precision),
        _row("  precision of the constant answer", found.floor.precision),
        _row("attributes: contradicted", found.contradicted),
        _row("attributes: omitted", found.omitted),
        _row("keywords: F1", keywords.f1),
        _row("keywords: F1 of the question itself", keywords.echo),
        _row("keywords: gain over the question", keywords.gain),
        _row("ROUGE-L F1", score.rouge_l),
        _row("BLEU", score.bleu),
        _row("chrF", score.chrf),
        *_judge_rows(score.judge),
    ]
    title = f"Score of {printable(', '.join(models)) or 'nobody'}, open questions"
    table(title, ("", "value", "95 % interval", "n"), rows, to_stdout=True)
    drawn = score.clusters
    result(f"intervals: {drawn.resamples} resamples of {drawn.n} {drawn.unit}s, seed {drawn.seed}")
    counts = (
        ("terms of references that the question gives away, in no figure", found.given),
        ("questions whose reference states no other term", found.unassessable),
        ("attributes stated beside what is asked", found.extra),
        ("questions without keywords", keywords.without_keywords),
        ("predictions for no question of the benchmark", score.unmatched_predictions),
        ("predictions beyond the first of a question", score.duplicate_predictions),
        ("human marks of answers without the judge's", 0 if score.judge is None else score.judge.unmatched_marks),
        ("questions that cannot be read, in no figure", unreadable["unreadable_questions"]),
        ("predictions that cannot be read", unreadable["unreadable_predictions"]),
        ("marks that cannot be read", unreadable["unreadable_marks"]),
    )
    if left := [f"{n} {what}" for what, n in counts if n]:
        result("; ".join(left))
    if score.judge is not None and score.judge.unscored:
        result("unscored by the judge: " + ", ".join(f"{n} {code}" for code, n in score.judge.unscored_by_code.items()))
    statuses = ", ".join(f"{n} {status}" for status, n in score.status.items() if n)
    result(statuses + ("" if score.complete else "; incomplete"))


def _of_type(kind: str, recall: Estimate, floor: Estimate) -> list[Row]:
    shown = printable(kind)
    return [_row(f"  recall, type {shown}", recall), _row(f"  constant answer, type {shown}", floor)]


def _judge_rows(judge: JudgeScore | None) -> list[Row]:
    if judge is None:
        return []
    rows = [_row(f"mean mark by {printable(judge.model)}, 0 to {HIGHEST_MARK}", judge.mean, times=HIGHEST_MARK)]
    if judge.human_n:
        rows.append(_row("judge and people: within one step", judge.agreement))
        rows.append(_row("judge and people: kappa, quadratic weights", judge.kappa, percent=False))
    return rows


def _row(label: str, found: Estimate, *, percent: bool = True, times: int | None = None) -> Row:
    if found.value is None:
        return label, "none", "", found.n

    def shown(value: float) -> str:
        return f"{value * times:.2f}" if times else f"{value:.1%}" if percent else f"{value:.2f}"

    interval = "" if found.low is None or found.high is None else f"{shown(found.low)} to {shown(found.high)}"
    return label, shown(found.value), interval, found.n
