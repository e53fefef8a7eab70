"""Train: TRL's SFTTrainer on a plan, resumed after whatever cut it off."""

from collections.abc import Callable
from pathlib import Path

from neuroonco.train.plan import Planned
from neuroonco.train.records import Trained


def fit(planned: Planned, out: Path, *, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Trained:
    """Train into a folder; a folder where the same training was cut off is gone on with from its last whole checkpoint.

    The folder afterwards: ``training.json`` (:class:`Trained`, written last: where it lies, the training is done),
    ``recipe.toml``, ``history.jsonl`` (what was logged, a step once), ``adapter/`` or ``model/`` with processor and
    pixel limits, ``checkpoints/``.

    Args:
        planned: of the same recipe and data.
        out: folder; made if absent.
        progress: told steps done, and of how many.

    Returns:
        What it came to; a finished training is not done again.

    Raises:
        InputError: the folder holds another training (recipe, data or base differ: says which), or loss is not finite.
        PrerequisiteError: memory ran out, a library is missing.
    """
    raise NotImplementedError
