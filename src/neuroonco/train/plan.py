"""What a training will take, before its first step: rows, tokens, steps, memory; or why it cannot begin."""

from collections.abc import Callable
from dataclasses import dataclass

from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.train.check import CheckedRows
from neuroonco.train.recipe import FoundRecipe
from neuroonco.train.records import TrainingPlan
from neuroonco.train.samples import TrainingProcessor


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made of."""

    plan: TrainingPlan
    found: FoundRecipe
    checkpoint: Checkpoint
    processor: TrainingProcessor
    rows: CheckedRows


def plan_training(
    found: FoundRecipe, *, skip_bad: bool = False, progress: Callable[[int], None] = lambda _rows: None
) -> Planned:
    """Check data, model and machine, and count.

    Args:
        found: the recipe with its files.
        skip_bad: leave rows with problems out; else they are in the plan, and :func:`require_possible` refuses it.
        progress: told how many rows were read.

    Raises:
        InputError, PrerequisiteError, UsageError: the model, the data or the machine cannot be used at all.
    """
    raise NotImplementedError


def require_possible(planned: Planned, *, skip_bad: bool = False) -> None:
    """Refuse a training that cannot come to an end.

    Raises:
        InputError: rows with problems (counted by code), no step to take.
        PrerequisiteError: no GPU where the recipe wants one, too little memory of a GPU, a library is missing.
    """
    raise NotImplementedError
