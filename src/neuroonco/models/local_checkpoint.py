"""A model's files on this machine: where they are, whether they can be used, and the hash that names them."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import xxhash

from neuroonco.errors import InputError, UsageError
from neuroonco.models.local_libraries import import_extra

HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
INDEX: Final = "model.safetensors.index.json"
SINGLE: Final = "model.safetensors"
WORDING: Final = ("*.json", "*.jinja", "merges.txt", "vocab.txt", "*.model", "*.tiktoken")
"""Configuration, tokenizer, processor, chat template. Weights are beside them, as safetensors alone: a pickled file
can run code when it is opened."""
OF_TRAINING: Final = {"trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"}
"""Logs of a training that lie beside a checkpoint and change no answer."""
CHUNK_BYTES: Final = 1 << 22
FINGERPRINT_DIGITS: Final = 12
AGAIN: Final = "save or download the model again"
"""What helps where a file of a model is damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """A model in a folder.

    Attributes:
        folder: where it is; it stands in no name, message or output.
        label: last part of what the user wrote.
        fingerprint: 12 hexadecimal digits of a hash over the content of all files that decide an answer.
    """

    folder: Path = field(repr=False)
    label: str
    fingerprint: str

    @property
    def name(self) -> str:
        """Name under which the model is asked and its answers are kept."""
        return f"local:{self.label}@{self.fingerprint}"

    def one_line(self, error: BaseException) -> str:
        """What a library says of this model: its first line of words, without the folder."""
        return short_line(error, self.folder)


def find(place: str) -> Checkpoint:
    """Find a model in a folder, or on the Hub by its name, check that its files are whole, and hash them.

    Args:
        place: a folder, absolute or relative, or ``organization/model``; a model of the Hub is downloaded once.

    Raises:
        UsageError: no place.
        InputError: no such model, or not one that can be used.
        PrerequisiteError: the extra ``train`` is missing.
    """
    if not place.strip():
        raise UsageError("MODEL_UNNAMED", "no model is named", where="local:", fix="local:FOLDER or local:ORG/MODEL")
    path = Path(place).expanduser()
    label = Path(os.path.abspath(path)).name or "model"  # noqa: PTH100  (a link keeps the name it is called by)
    if path.is_dir():
        folder = path
    elif path.exists() or not HUB_NAME.fullmatch(place):
        what = "a file, not a folder" if path.exists() else "no such folder, and no name of the Hub"
        raise InputError("MODEL_MISSING", what, where=label, fix="local:FOLDER of a saved model, or local:ORG/MODEL")
    else:
        folder = _from_hub(place, label)
    weights = _weights(folder, label)
    _check(folder, label)
    return Checkpoint(folder, label, fingerprint_of(folder, weights, label))


def _from_hub(place: str, label: str) -> Path:
    """Folder with a model of the Hub, downloaded unless it is there; of its top level, only what is used."""
    hub = import_extra("huggingface_hub")
    try:
        return Path(
            hub.snapshot_download(place, allow_patterns=[*WORDING, "model*.safetensors"], ignore_patterns="*/*")
        )
    except Exception as error:
        raise InputError(
            "MODEL_MISSING",
            f"neither a folder here nor a model that the Hub gives ({type(error).__name__})",
            where=label,
            fix="check the name; a gated model needs `hf auth login`; without a network, name the folder of a copy",
        ) from None


def _document(folder: Path, name: str, label: str) -> dict[str, Any]:
    try:
        document = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = f"{name} cannot be read ({type(error).__name__})"
        raise InputError("MODEL_UNREADABLE", what, where=label, fix=AGAIN) from None
    if not isinstance(document, dict):
        raise InputError("MODEL_UNREADABLE", f"{name} holds no JSON object", where=label, fix=AGAIN)
    return document


def _check(folder: Path, label: str) -> None:
    config = _document(folder, "config.json", label)
    if not isinstance(config.get("model_type"), str):
        fix = f"{AGAIN}; a configuration of transformers states it"
        raise InputError("MODEL_UNREADABLE", "config.json states no model_type", where=label, fix=fix)


def _weights(folder: Path, label: str) -> list[str]:
    """Names of the files with weights, all of them there."""
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "MODEL_IS_ADAPTER",
            "an adapter without its base model",
            where=label,
            fix="merge it into its base with `neuroonco train merge RUN --out FOLDER` and name that folder",
        )
    if not (folder / "config.json").is_file():
        if (folder / "training.json").is_file():
            fix = "merge it first (`neuroonco train merge RUN --out FOLDER`) and name that folder"
            raise InputError("MODEL_MISSING", "a training, and no model", where=label, fix=fix)
        fix = "name the folder that save_pretrained wrote: config.json, weights, tokenizer, processor"
        raise InputError("MODEL_MISSING", "not a model: there is no config.json", where=label, fix=fix)
    names = [SINGLE]
    if not (folder / SINGLE).exists() and (folder / INDEX).exists():
        parts = _document(folder, INDEX, label).get("weight_map")
        names = sorted({str(part) for part in parts.values()}) if isinstance(parts, dict) else []
        if not names or any(Path(name).name != name for name in names):
            raise InputError("MODEL_UNREADABLE", f"{INDEX} names no files of this folder", where=label, fix=AGAIN)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        fix = "download it again; weights in another format: save_pretrained writes safetensors"
        raise InputError("MODEL_INCOMPLETE", f"there is no {missing[0]}", where=label, fix=fix)
    return names


def fingerprint_of(folder: Path, weights: list[str], label: str) -> str:
    """Hash over names and contents of the files that decide an answer, read in pieces and several at a time.

    Args:
        folder: of the model.
        weights: names of the files with weights.
        label: of the model, for messages.

    Returns:
        12 hexadecimal digits.

    Raises:
        InputError: a file cannot be read.
    """
    words = {path.name for pattern in WORDING for path in folder.glob(pattern) if path.is_file()} - OF_TRAINING
    names = sorted(words | set(weights))
    try:
        with ThreadPoolExecutor(max_workers=4) as threads:
            contents = list(threads.map(lambda name: _content(folder / name), names))
    except OSError as error:
        what = f"a file cannot be read ({type(error).__name__})"
        fix = "check who may read the files, and that the disk is whole"
        raise InputError("MODEL_UNREADABLE", what, where=label, fix=fix) from None
    together = xxhash.xxh3_128()
    for name, content in zip(names, contents, strict=True):
        together.update(json.dumps([name, content]).encode())
    return together.hexdigest()[:FINGERPRINT_DIGITS]


def _content(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def short_line(error: BaseException, folder: Path) -> str:
    """First sentence of an error, without a folder's path and at most 200 characters long.

    >>> short_line(ValueError("\\nno weights in /data/m/a.bin. Look there.\\nmore"), Path("/data/m"))
    'ValueError: no weights in a.bin'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0].partition(". ")[0] if lines else ""
    for spelling in {str(folder.resolve()), os.path.abspath(folder)} - {os.sep}:  # noqa: PTH100
        line = line.replace(f"{spelling}{os.sep}", "").replace(spelling, "the folder")
    return f"{type(error).__name__}: {line[:200]}" if line else type(error).__name__
