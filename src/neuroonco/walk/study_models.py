"""The models that a study asks: merged from its trainings, and merged anew where a training was made anew."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from neuroonco import store
from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.train.finished import TRAINING, read_trained
from neuroonco.train.merge import base_as_trained, merge
from neuroonco.train.records import Pictures
from neuroonco.walk.study_parts import AskedStudy

MADE_OF: Final = "{name}.made-of.json"
"""Beside a model's folder: which training it is of."""


def merge_all(asked: AskedStudy, seed: int, say: Callable[[str], None], let_go: Callable[[], None]) -> None:
    """Write the base as trained and the three tuned models of a seed; one that is there and of its training stays.

    Args:
        asked: the study.
        seed: of the trainings, which are done.
        say: is given a line on each that is written.
        let_go: called after each: its memory is free again.

    Raises:
        InputError, PrerequisiteError: see :func:`neuroonco.train.merge.merge`.
    """
    for trained_on in (None, *Pictures):
        out, kind = asked.model_folder(trained_on, seed), trained_on or Pictures.REAL
        source = asked.training(kind, seed)
        note, made_of = out.parent / MADE_OF.format(name=out.name), _made_of(asked, trained_on, seed)
        if out.exists() and note.exists() and store.read_json(note) == made_of:
            continue
        # The note goes before the folder and comes before it: a kill leaves a note without a model, which is then made,
        # and never a model under the note of another.
        note.unlink(missing_ok=True)
        if out.exists():
            shutil.rmtree(out)
        store.write_json(note, made_of)
        base = asked.found(kind, seed).recipe.model.base
        name = (base_as_trained if trained_on is None else merge)(source, out, base=base)
        say(f"wrote {name}")
        let_go()


def weights_gib(base: Checkpoint) -> float:
    """GiB of the weights of a model; each merged model takes about as much."""
    return sum(file.stat().st_size for file in base.folder.glob("*.safetensors")) / 2**30


def free_gib(out: Path) -> float:
    """GiB that are free where a folder is to lie."""
    place = out.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / 2**30


def _made_of(asked: AskedStudy, trained_on: Pictures | None, seed: int) -> dict[str, str]:
    """A training is known by its file of results; the base is that of all trainings."""
    if trained_on is None:
        return {"base": read_trained(asked.training(Pictures.REAL, seed)).base}
    return {"training_sha256": store.sha256_file(asked.training(trained_on, seed) / TRAINING)}
