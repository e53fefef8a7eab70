"""Put a benchmark to a model that is asked: pictures, calls, and one prediction a question in benchmark order."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroonco import __version__
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.control_pictures import deal_pictures
from neuroonco.errors import InputError, UsageError
from neuroonco.models.as_sent import ways_of_asking
from neuroonco.predict.ask import LEAK, QuestionBrief, Unit, units_of
from neuroonco.predict.ask_closed import ClosedQuestions
from neuroonco.predict.ask_open import OpenQuestions
from neuroonco.predict.askable import require_askable
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import (
    EvaluationRun,
    OpenPrediction,
    PictureMode,
    Prediction,
    PromptForm,
    QuestionKind,
    Scoring,
)
from neuroonco.predict.run_files import benchmark_hash
from neuroonco.prompts import prompt
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.asking import Asking, ask_all
from neuroonco.walk.local_model import LocalModel
from neuroonco.walk.models import NamedModel
from neuroonco.walk.putting import Answered, Asker, PictureDesk, Questions

if TYPE_CHECKING:
    from neuroonco.models.recorded import CallCounts


@dataclass(frozen=True)
class Evaluated:
    """What came of putting a benchmark to a model.

    Attributes:
        predictions: one a question, in benchmark order.
        about: how they were made.
        warnings: what a reader of the figures has to know, one line each.
    """

    predictions: list[Any]
    about: EvaluationRun
    warnings: tuple[str, ...]

    @property
    def waiting(self) -> int:
        """Questions whose call failed, so that the next run asks again."""
        return self.about.status.get(PredictionStatus.API_ERROR.value, 0)


def require_possible(kind: QuestionKind, model: NamedModel, brief: QuestionBrief) -> None:
    """Refuse what cannot be asked in this way, before anybody is asked.

    Raises:
        UsageError: which options exclude each other, and what to do.
    """
    likelihood = brief.scoring is Scoring.LIKELIHOOD
    if likelihood and not model.is_local:
        what = "letter probabilities are read from models of this machine only"
        raise UsageError("LIKELIHOOD", what, where=model.name, fix="use local:PATH_OR_ID, or --scoring generate")
    if likelihood and (brief.per_image or brief.asks_confidence):
        what = "--scoring likelihood writes no reply: it goes with neither --per-image nor --confidence"
        raise UsageError("LIKELIHOOD", what, fix="leave them out; the probabilities say how sure the model is")
    if brief.per_image and brief.asks_confidence:
        what = "--confidence asks one question at a time"
        raise UsageError("CONFIDENCE", what, fix="leave --per-image or --confidence out")
    if brief.form is PromptForm.INSTRUCTION and (brief.per_image or brief.asks_confidence):
        what = "--form instruction asks as instruction data do: it goes with neither --per-image nor --confidence"
        raise UsageError("FORM", what, fix="leave them out, or use --form full")
    closed_only = {
        "--confidence": brief.asks_confidence,
        "--permute": brief.permute_seed is not None,
        "--scoring likelihood": likelihood,
    }
    given = [option for option, is_given in closed_only.items() if is_given]
    if kind is QuestionKind.OPEN and given:
        what = f"{' and '.join(given)}: an open question has no options"
        raise UsageError("CLOSED_ONLY", what, fix="leave it out, or pass a closed benchmark")


def questions_of(kind: QuestionKind, brief: QuestionBrief) -> Questions:
    """What puts questions of a kind."""
    return ClosedQuestions(brief) if kind is QuestionKind.CLOSED else OpenQuestions(brief)


def evaluate(
    items: Sequence[ClosedItem] | Sequence[OpenItem],
    kind: QuestionKind,
    model: NamedModel,
    brief: QuestionBrief,
    asking: Asking,
    place: str,
    *,
    root: Path,
    seed: int,
    benchmark: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluated:
    """Put all questions of a benchmark to a model that is asked.

    What the ledger holds is not asked again, so that a run that was killed goes on where it was.

    Args:
        items: the questions, all of one kind.
        kind: which.
        model: whom to ask.
        brief: how questions are put.
        asking: how calls are made.
        place: of the ledger.
        root: folder to which image paths are relative.
        seed: of the pictures that ``shuffled:`` deals.
        benchmark: name of the benchmark's file.
        progress: told how many questions are done, and of how many.

    Raises:
        UsageError, InputError: it cannot be asked in this way, a question cannot be put, or a ledger that is replayed
            does not hold all answers.
        PrerequisiteError, ProviderError, PendingError: see :func:`neuroonco.walk.asking.ask_all`; what was answered is
            in the ledger.
    """
    if model.asked is None:
        raise ValueError("a built-in model is not asked")
    require_possible(kind, model, brief)
    require_askable(items)
    deal = deal_pictures(items, seed) if model.picture is PictureMode.SHUFFLED else None
    finder = PictureFinder(root)
    questions = questions_of(kind, brief)
    desk = PictureDesk(finder, model.picture, deal, model.asked.endpoint)
    asker: Asker[Any] = Asker(questions, desk, model.name)
    found: list[Any] = [None] * len(items)
    done = 0

    def take(answered: list[Answered]) -> None:
        nonlocal done
        for number, prediction in answered:
            found[number] = prediction
        done += len(answered)
        progress(done, len(items))

    progress(0, len(items))
    units: Sequence[Unit[Any]] = units_of(items, per_image=brief.per_image)
    fresh = ask_all(units, asker, model.asked, asking, place, what="predict", whom=model.name, each=take)
    if asking.replay:
        _require_all_in_ledger(asking.counts, model.name)
    warnings = [LEAK] if brief.per_image else []
    warnings += [line for line in (finder.warning, deal and deal.warning, asker.warning) if line]
    about = _about(items, kind, model, brief, questions, asking.counts, asker, seed=seed, benchmark=benchmark)
    known = {"status": counts_of(found)} | ({"calls": fresh} if asking.counts is None else {})  # none in batches
    return Evaluated(found, about.model_copy(update=known), tuple(warnings))


def _require_all_in_ledger(counts: "CallCounts | None", model: str) -> None:
    """Refuse to make a part of a run out of a ledger: nothing would ever fill it up, as nobody is asked."""
    if counts is not None and counts.missing:
        total = counts.missing + counts.from_ledger
        what = f"the ledger holds no answer of {model} to {counts.missing} of {total} calls"
        fix = "pass the ledger that was written when the model was asked, or leave --replay out"
        raise InputError("LEDGER_MISSES", what, fix=fix)


def counts_of(predictions: Sequence[Prediction] | Sequence[OpenPrediction]) -> dict[str, int]:
    """Questions by status, those that there are, by name."""
    counts = Counter(prediction.status.value for prediction in predictions)
    return dict(sorted(counts.items()))


def _about(
    items: Sequence[ClosedItem] | Sequence[OpenItem],
    kind: QuestionKind,
    model: NamedModel,
    brief: QuestionBrief,
    questions: Questions,
    counts: "CallCounts | None",
    asker: Asker[Any],
    *,
    seed: int,
    benchmark: str,
) -> EvaluationRun:
    asked = None if counts is None else sum(counts.asked.values())
    return EvaluationRun(
        model=model.name,
        kind=kind,
        benchmark=benchmark,
        benchmark_sha256=benchmark_hash(items),
        picture=model.picture,
        scoring=brief.scoring,
        per_image=brief.per_image,
        permute_seed=brief.permute_seed,
        asks_confidence=brief.asks_confidence,
        form=brief.form,
        prompts={questions.prompt_name: prompt(questions.prompt_name).sha256},
        settings=settings_of(model, brief, seed=seed) | asker.settings,
        calls=asked or 0,
        from_ledger=0 if counts is None else counts.from_ledger,
        input_tokens=counts.input_tokens if counts is not None and asked else None,
        output_tokens=counts.output_tokens if counts is not None and asked else None,
        cost_usd=counts.cost_usd if counts is not None and asked and not counts.unpriced else None,
        version=__version__,
    )


def settings_of(model: NamedModel, brief: QuestionBrief, *, seed: int) -> dict[str, str]:
    """What decides a model's answers beside the prompt, by name."""
    if model.asked is None:
        return {"seed": str(seed)} if model.name == "random" else {}
    said: dict[str, Any] = {"max_tokens": brief.max_tokens} if brief.scoring is Scoring.GENERATE else {}
    if model.picture is PictureMode.SHUFFLED:
        said["seed"] = seed
    if brief.per_image:
        said["per_image"] = LEAK
    if brief.form is not PromptForm.FULL:
        said["form"] = brief.form.value
    if isinstance(model.asked, LocalModel):
        said |= dict(way.split("=", 1) for way in model.asked.client.ways)
    else:
        said |= ways_of_asking(model.asked.endpoint)
    return {name: str(value) for name, value in sorted(said.items()) if value is not None}


def parameters_of(model: NamedModel, brief: QuestionBrief, kind: QuestionKind, *, seed: int) -> dict[str, Any]:
    """What the predictions of a model depend on, for a stage of a run."""
    name = questions_of(kind, brief).prompt_name
    return {"prompt": prompt(name).sha256} | settings_of(model, brief, seed=seed)
