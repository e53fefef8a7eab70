"""Put a study's benchmark to one of its models; a whole run that is there is left as it is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from neuroonco import __version__
from neuroonco.build.records import ClosedItem
from neuroonco.predict.records import EvaluationRun, PictureMode, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, read_about, sweep, write_run
from neuroonco.predict.same_run import difference
from neuroonco.resampling import SEED
from neuroonco.train.records import Pictures
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.asking import LEDGER_FILE, Asking
from neuroonco.walk.local_model import LOCAL, LocalOptions
from neuroonco.walk.models import NamedModel, named_model
from neuroonco.walk.predicting import evaluate, settings_of
from neuroonco.walk.study_parts import AskedStudy, Part

PREFIXES: Final = {PictureMode.TRUE: "", PictureMode.BLANK: "blank:"}


def ask_part(
    asked: AskedStudy,
    items: list[ClosedItem],
    unreadable: int,
    part: Part,
    seed: int,
    say: Callable[[str], None],
    progress: Callable[[str, int, int], None],
) -> None:
    """Put the benchmark to one model and write its run, unless a whole one of this very model is there.

    Args:
        asked: the study.
        items: the questions.
        unreadable: questions that could not be read.
        part: who is asked with what. seed: of its training.
        say: is given a line on what was asked.
        progress: told of what, how much is done, and of how much.

    Raises:
        InputError, PrerequisiteError, ProviderError: see :func:`neuroonco.walk.predicting.evaluate`.
    """
    place = asked.predictions(part, seed)
    asking = Asking(asked.out / LEDGER_FILE, say=say)
    device = asked.device or asked.found(Pictures.REAL).recipe.model.device
    folder = asked.model_folder(part.trained_on, seed)
    options = LocalOptions(asked.batch_size, device)
    model = named_model(f"{PREFIXES[part.asked_with]}{LOCAL}:{folder}", asking, options)
    if _is_whole(place, asked, items, model):
        return
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    evaluated = evaluate(
        items,
        QuestionKind.CLOSED,
        model,
        asked.brief,
        asking,
        asking.place(asked.out),
        root=asked.benchmark_root,
        seed=SEED,
        benchmark=asked.benchmark.name,
        progress=partial(progress, f"asking {place.name}"),
    )
    for line in evaluated.warnings:
        say(f"{place.name}: {line}")
    about = evaluated.about.model_copy(update={"unreadable": unreadable})
    write_run(place, items, evaluated.predictions, about)


def _is_whole(place: Path, asked: AskedStudy, items: list[ClosedItem], model: NamedModel) -> bool:
    """Whether a run of this very model is there, and nothing of it waits."""
    about, brief = read_about(place), asked.brief
    if about is None or not RunFiles.at(place).predictions.exists():
        return False
    wanted = EvaluationRun(
        model=model.name,
        kind=QuestionKind.CLOSED,
        benchmark=asked.benchmark.name,
        benchmark_sha256=benchmark_hash(items),
        picture=model.picture,
        scoring=brief.scoring,
        form=brief.form,
        settings=settings_of(model, brief, seed=SEED),
        version=__version__,
    )
    again = (PredictionStatus.API_ERROR, PredictionStatus.MISSING_IMAGE)
    return difference(about, wanted) is None and not any(about.status.get(status.value) for status in again)
