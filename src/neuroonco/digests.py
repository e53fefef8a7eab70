"""Hashes of what a stage's outputs depend on besides its inputs: code, data files, and the folders of a root."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from neuroonco import store


@cache
def code_digest(rooms: tuple[str, ...]) -> str:
    """Hash of the code and data files of some rooms, and of the modules and packages that all rooms share."""
    package = files("neuroonco")
    shared = [e for e in package.iterdir() if e.name.endswith(".py")]
    names = sorted({*rooms, "vocabulary", "volumes"})
    parts = [part for entry in sorted(shared, key=lambda e: e.name) for part in (entry.name, _text(entry))]
    for name in names:
        for path, entry in sorted(_walk(package.joinpath(name), name), key=lambda pair: pair[0]):
            parts += [path, _text(entry)]
    return store.sha256_text(*parts)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry, f"{prefix}/{entry.name}")
        elif entry.name.endswith((".py", ".toml", ".md", ".html", ".css")):
            yield f"{prefix}/{entry.name}", entry


def _text(entry: Traversable) -> str:
    return entry.read_text("utf-8")


def tree_digest(root: Path, folders: Sequence[str]) -> str:
    """Hash of the names and contents of all files under some folders of a root; unreadable ones count by name."""
    parts: list[str] = []
    for folder in folders:
        base = root / folder
        for directory, subdirectories, names in os.walk(base):
            subdirectories.sort()
            for name in sorted(names):
                path = Path(directory) / name
                relative = os.fsencode(path.relative_to(root)).hex()
                try:
                    regular = path.is_file()
                    parts += [relative, store.sha256_file(path) if regular else "not a file"]
                except OSError as error:
                    parts += [relative, f"unreadable: {error.errno}"]
    return store.sha256_text(*parts)
