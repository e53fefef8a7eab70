"""Predictions for a closed benchmark as arguments of commands: a file, or the folder of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroonco.build.records import ClosedItem
from neuroonco.cli.output import MAX_LINES, say
from neuroonco.errors import InputError
from neuroonco.predict.interop import read_predictions
from neuroonco.predict.records import PictureMode, Prediction
from neuroonco.predict.run_files import RunFiles, benchmark_hash, no_predictions, read_about
from neuroonco.predict.same_benchmark import Match, match


@dataclass(frozen=True)
class GivenPredictions:
    """Predictions that answer the benchmark.

    Attributes:
        unreadable: rows that could not be read.
        fit: how their questions and those of the benchmark fit together.
    """

    place: Path
    records: list[Prediction]
    unreadable: int
    fit: Match

    @property
    def models(self) -> list[str]:
        """Names of the models, each once; one, unless files were mixed."""
        return sorted({prediction.model for prediction in self.records})


def given_predictions(place: Path, benchmark: Path, items: Sequence[ClosedItem]) -> GivenPredictions:
    """The predictions of a file or run for these questions; what a reader of a score must know goes to stderr.

    Raises:
        InputError: missing, without a readable row, of an unknown format, or for another benchmark.
    """
    path = RunFiles.at(place).predictions
    if place.is_file() and place.suffix not in (".jsonl", ".parquet", ".json"):
        what = "predictions are .jsonl, .parquet or the reference's .json"
        raise InputError("FORMAT_UNKNOWN", what, where=str(place), fix="write them as one of these")
    if place.is_dir() and not path.exists():
        raise no_predictions(place)
    loaded = read_predictions(path, items)
    if loaded.unreadable and not loaded.records:
        first = loaded.unreadable[0].message.partition("; ")[0]
        what = f"none of {len(loaded.unreadable)} rows is an answer to a closed question; the first: {first}"
        raise InputError("PREDICTIONS_UNREADABLE", what, where=str(path), fix="pass predictions for this benchmark")
    fit = match(place, benchmark, items, loaded.records)
    for row in loaded.unreadable[:MAX_LINES]:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(loaded.unreadable) > MAX_LINES:
        say(f"... and {len(loaded.unreadable) - MAX_LINES} more")
    if not loaded.records:
        say(f"{path.name}: no prediction in this file; every question counts as missing")
    if fit.is_part:
        say(f"note: {place.name} was asked {fit.asked} of the {fit.questions} questions; the others count as missing")
    if fit.contradicting:
        what = "state another answer or image than their question has; they are scored by the benchmark"
        say(f"warning: {fit.contradicting} rows of {place.name} {what}")
    _say_how_asked(place)
    return GivenPredictions(place, loaded.records, len(loaded.unreadable), fit)


def match_document(items: Sequence[ClosedItem], given: Mapping[str, GivenPredictions]) -> dict[str, Any]:
    """For scripts: which benchmark it was, and how each model's predictions fit to it."""
    fits = {name: found.fit.model_dump(mode="json", exclude={"benchmark_sha256"}) for name, found in given.items()}
    return {"benchmark_sha256": benchmark_hash(items), "matches": fits}


def _say_how_asked(place: Path) -> None:
    about = read_about(place)
    if about is None:
        return
    if about.picture is not PictureMode.TRUE:
        say(f"note: {place.name} was made with pictures: {about.picture.value}")
    if about.per_image:
        say(f"note: {place.name} asked all questions of an image in one call, so that sibling questions can leak")
