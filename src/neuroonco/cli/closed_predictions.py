"""Predictions for a closed benchmark as arguments of commands: a file, or the folder of a run."""

from collections.abc import Sequence
from pathlib import Path

from neuroonco.build.records import ClosedItem
from neuroonco.cli.output import say
from neuroonco.predict.interop import read_predictions
from neuroonco.predict.records import PictureMode, Prediction
from neuroonco.predict.run_files import RunFiles, benchmark_hash, read_about
from neuroonco.store import Loaded

MAX_LINES = 20
"""Unreadable rows named on stderr; all are counted."""


def readable_predictions(place: Path) -> Loaded[Prediction]:
    """The predictions of a file or run; unreadable rows are named on stderr.

    Raises:
        InputError: missing, unreadable or of an unknown format.
    """
    path = RunFiles.at(place).predictions
    loaded = read_predictions(path)
    for row in loaded.unreadable[:MAX_LINES]:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(loaded.unreadable) > MAX_LINES:
        say(f"... and {len(loaded.unreadable) - MAX_LINES} more")
    if not loaded.records and not loaded.unreadable:
        say(f"{path.name}: no prediction in this file; every question counts as missing")
    return loaded


def models_of(predictions: Sequence[Prediction]) -> list[str]:
    """Names of the models of predictions, each once; one, unless files were mixed."""
    return sorted({prediction.model for prediction in predictions})


def say_how_asked(place: Path, items: Sequence[ClosedItem]) -> None:
    """Warn of what a run's own description says that a reader of its score must know.

    Raises:
        InputError: the description is broken.
    """
    about = read_about(place)
    if about is None:
        return
    if about.benchmark_sha256 != benchmark_hash(items):
        say(f"warning: {place.name} answers another benchmark ({about.benchmark}), or another version of this one")
    if about.picture is not PictureMode.TRUE:
        say(f"note: {place.name} was made with pictures: {about.picture.value}")
    if about.per_image:
        say(f"note: {place.name} asked all questions of an image in one call, so that sibling questions can leak")
