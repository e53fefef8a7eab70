"""Whether a run that lies at a place is the one that is asked for, so that no other one is replaced unawares."""

from neuroonco.predict.records import EvaluationRun

ASKED = (
    *(
        "model",
        "kind",
        "benchmark_sha256",
        "picture",
        "scoring",
        "per_image",
        "permute_seed",
        "asks_confidence",
        "form",
    ),
)
"""What makes it another run; where and when it was asked does not."""


def difference(there: EvaluationRun, wanted: EvaluationRun) -> str | None:
    """What is different about the run that is there, in words; None where it is the same run.

    Args:
        there: as it was written.
        wanted: as it is asked for now; its counts do not matter.

    >>> from neuroonco.predict.records import QuestionKind
    >>> run = EvaluationRun(model="a", kind=QuestionKind.CLOSED, benchmark="b", benchmark_sha256="0", version="1")
    >>> difference(run, run.model_copy(update={"calls": 7})) is None
    True
    >>> difference(run, run.model_copy(update={"model": "b", "permute_seed": 3}))
    'model a, not b; permute_seed None, not 3'
    """
    found = [
        f"{name} {_shown(getattr(there, name))}, not {_shown(getattr(wanted, name))}"
        for name in ASKED
        if getattr(there, name) != getattr(wanted, name)
    ]
    names = sorted(set(there.settings) | set(wanted.settings))
    found += [
        f"{name} {there.settings.get(name)}, not {wanted.settings.get(name)}"
        for name in names
        if there.settings.get(name) != wanted.settings.get(name)
    ]
    return "; ".join(found) or None


def _shown(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
