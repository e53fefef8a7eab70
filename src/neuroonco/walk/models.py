"""Which models a run or a command can name."""

from collections.abc import Sequence
from functools import partial

from neuroonco.build.records import ClosedItem
from neuroonco.errors import UsageError
from neuroonco.images import Gray
from neuroonco.models.protocol import VisionLanguageModel
from neuroonco.predict.baselines import BASELINES, baseline, measuring_baseline
from neuroonco.readings.measuring import SliceFindings, read_slice
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import RuleSet
from neuroonco.vocabulary import ReadingKind

MODELS = (*BASELINES, "measuring")


def require_model(name: str) -> None:
    """Refuse an unknown model before any work is done.

    Raises:
        UsageError: no such model.
    """
    if name not in MODELS:
        raise UsageError("MODEL_UNKNOWN", f"no model {name!r}", fix=f"use {', '.join(MODELS)}")


def model_named(name: str, items: Sequence[ClosedItem], *, seed: int, rules: RuleSet) -> VisionLanguageModel:
    """A built-in model by name.

    Raises:
        UsageError: no such model.
    """
    require_model(name)
    if name == "measuring":
        return measuring_baseline(partial(_look, rules=rules.section("read", ReadRules)))
    return baseline(name, items, seed)


def _look(image: Gray, *, rules: ReadRules) -> SliceFindings:
    """The measuring reader as a model sees a slice: no mask, no stated sequence."""
    return read_slice(image, None, ReadingKind.CONSERVATIVE, rules, None)
