"""An adapter and its base to one model that ``local:`` and any server take."""

from pathlib import Path


def merge(trained: Path, out: Path, *, base: str | None = None) -> str:
    """Write the merged model of a training, with processor (pixel limits as trained), chat template and card.

    A training without an adapter is copied. The folder takes its place at once, or not at all.

    Args:
        trained: folder of a finished training (``training.json``).
        out: folder to write; must not be there.
        base: place of the base model, where it is no longer where the recipe says; its fingerprint must be the same.

    Returns:
        ``local:LABEL@FINGERPRINT`` of what was written.

    Raises:
        InputError: no finished training, another base, a place that is taken.
    """
    raise NotImplementedError


def base_as_trained(trained: Path, out: Path, *, base: str | None = None) -> str:
    """The base model with the training's pixel limits, so that base and tuned model see the same pictures.

    Weights are linked, not copied. Arguments, result and errors as those of :func:`merge`.
    """
    raise NotImplementedError
