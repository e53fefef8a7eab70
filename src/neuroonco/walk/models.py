"""Which models a run or a command can name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from neuroonco.build.records import ClosedItem
from neuroonco.errors import UsageError
from neuroonco.images import Gray
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.protocol import VisionLanguageModel
from neuroonco.predict.baselines import BASELINES, baseline, measuring_baseline
from neuroonco.predict.records import PictureMode
from neuroonco.rules import RuleSet
from neuroonco.store import sha256_text
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.asking import Asking, Respondent
from neuroonco.walk.local_model import LOCAL, LocalModel, LocalOptions

MODELS = (*BASELINES, "measuring")
"""Built in: nobody is asked."""
PREFIXES = {"blind": PictureMode.NONE, "blank": PictureMode.BLANK, "shuffled": PictureMode.SHUFFLED}
"""What may stand before a model that is asked -> the picture that it is shown."""
FORMS = f"{', '.join(MODELS)}, PROVIDER:MODEL[@URL], {LOCAL}:PATH_OR_ID, or one of the last two after " + ", ".join(
    f"{prefix}:" for prefix in PREFIXES
)


@dataclass(frozen=True)
class NamedModel:
    """A model's name, understood.

    Attributes:
        name: of the predictions; for a built-in model as it was named.
        picture: what it is shown.
        asked: whom to ask; None for a built-in model.
    """

    name: str
    picture: PictureMode = PictureMode.TRUE
    asked: Respondent | None = None

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return isinstance(self.asked, LocalModel)

    def require_connection(self) -> None:
        """Find out now that a key is missing, not after an hour.

        Raises:
            PrerequisiteError, UsageError: see :meth:`neuroonco.models.endpoints.ResolvedModel.connection`.
        """
        if isinstance(self.asked, ResolvedModel):
            self.asked.connection()


def named_model(name: str, asking: Asking, local: LocalOptions | None = None) -> NamedModel:
    """Understand a model's name.

    Args:
        name: see :data:`FORMS`.
        asking: knows the endpoints.
        local: how a model of this machine is run.

    Raises:
        UsageError: nobody is called that.
        InputError: see :meth:`neuroonco.walk.asking.Asking.resolved`.
        PrerequisiteError: the extra for models of this machine is not installed.
    """
    if name in MODELS:
        return NamedModel(name)
    prefix, colon, rest = name.partition(":")
    picture = PREFIXES.get(prefix) if colon else None
    target = name if picture is None else rest
    if ":" not in target:
        raise UsageError("MODEL_UNKNOWN", f"no model {name[:100]!r}", fix=f"use {FORMS}")
    asked: Respondent
    provider, _, place = target.partition(":")
    if provider == LOCAL:
        if not place:
            raise UsageError("MODEL_UNKNOWN", "no path or id behind local:", fix=f"write {LOCAL}:PATH_OR_ID")
        asked = LocalModel(place, local or LocalOptions())
    else:
        asked = asking.resolved(target)
    shown = "" if picture is None else f"{prefix}:"
    return NamedModel(f"{shown}{asked.name}", picture or PictureMode.TRUE, asked)


def named_models(names: Sequence[str], asking: Asking) -> list[NamedModel]:
    """The models of a profile.

    Raises:
        UsageError: nobody is called that, or two names mean one model.
        InputError, PrerequisiteError: see :func:`named_model`.
    """
    found = [named_model(name, asking) for name in names]
    for number, model in enumerate(found):
        if any(model.name == other.name for other in found[:number]):
            raise UsageError("MODEL_TWICE", f"{model.name} is named twice", fix="name every model once under `models`")
    return found


def prediction_file(name: str) -> str:
    """Name of the file of a model's predictions in a run: the model's own where that is a plain file name.

    >>> prediction_file("always-e"), prediction_file("blind:vllm:a/b")
    ('always-e.jsonl', 'blind_vllm_a_b-eac207.jsonl')
    """
    if name in MODELS:
        return f"{name}.jsonl"
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:80]
    return f"{plain}-{sha256_text(name)[:6]}.jsonl"


def model_named(name: str, items: Sequence[ClosedItem], *, seed: int, rules: RuleSet) -> VisionLanguageModel:
    """A built-in model by name.

    Raises:
        UsageError: no such model.
    """
    if name not in MODELS:
        raise UsageError("MODEL_UNKNOWN", f"no built-in model {name[:100]!r}", fix=f"use {', '.join(MODELS)}")
    return _measuring(rules) if name == "measuring" else baseline(name, items, seed)


def _measuring(rules: RuleSet) -> VisionLanguageModel:
    """The measuring reader as a model sees a slice: no mask, no stated sequence."""
    # Here, because measuring takes a second to import, and models that are asked do without.
    from neuroonco.readings.measuring import SliceFindings, read_slice
    from neuroonco.readings.rules import ReadRules

    limits = rules.section("read", ReadRules)

    def look(image: Gray) -> SliceFindings:
        return read_slice(image, None, ReadingKind.CONSERVATIVE, limits, None)

    return measuring_baseline(look)
