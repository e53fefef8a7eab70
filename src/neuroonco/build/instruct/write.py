"""Instruction files, written pair by pair: the published JSONL, the exports beside it, and what they hold.

The files are moved into place together, and ``statistics.json`` last: where it lies, the others belong to it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from neuroonco import store
from neuroonco.build.instruct.export import DATASET_INFO, LINES, Export, dataset_info, file_name, folders_of
from neuroonco.build.instruct.records import FILE_KINDS, InstructionPair
from neuroonco.build.instruct.statistics import STATISTICS, PairCounts
from neuroonco.errors import InputError

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class PairFiles:
    """Takes pairs and writes each to all of its files; made by :func:`pair_files`.

    Attributes:
        counts: of what was written.
    """

    def __init__(self, out: Path, files: Mapping[str, Mapping[str, IO[str]]]) -> None:
        self._out, self._files = out, files
        self._writers = {
            kind: [(LINES[folder], by_kind[kind].write) for folder, by_kind in files.items()] for kind in FILE_KINDS
        }
        self.counts = PairCounts()

    def write(self, pair: InstructionPair, class_name: str) -> None:
        """Write one pair, of a slice of this tumor class."""
        for line_of, write in self._writers[pair.file_kind]:
            write(_encode(line_of(pair)) + "\n")
        self.counts.pair(pair, class_name)

    def ready(self) -> None:
        """Say that all is written, before the first file is moved: no old statistics may lie beside new files."""
        for by_kind in self._files.values():
            for file in by_kind.values():
                file.flush()  # a full disk is known before anything is moved
        (self._out / STATISTICS).unlink(missing_ok=True)


@contextmanager
def pair_files(out: Path, exports: Collection[Export] = ()) -> Iterator[PairFiles]:
    """Open the files of instruction data; they are in their places when the block ends well, and untouched otherwise.

    What an earlier run left of exports that are not written now is removed: it would not belong to the rest.

    Args:
        out: folder; made if absent.
        exports: forms to write beside the published one.

    Raises:
        InputError: the folder cannot be written, or holds a ``dataset_info.json`` that is none.
    """
    others = _described_already(out / DATASET_INFO)
    with ExitStack() as stack:
        opened: dict[str, dict[str, IO[str]]] = defaultdict(dict)
        for folder in folders_of(exports):
            for kind in FILE_KINDS:
                temporary = stack.enter_context(store.atomic(out / folder / file_name(kind)))
                file = temporary.open("w", encoding="utf-8", newline="\n")
                opened[folder][kind] = stack.enter_context(file)
        files = PairFiles(out, opened)
        yield files
        files.ready()
    for folder in set(LINES) - set(folders_of(exports)):
        for kind in FILE_KINDS:
            (out / folder / file_name(kind)).unlink(missing_ok=True)
    document = files.counts.document()
    written = dataset_info([kind for kind, n in document["pairs"].items() if n])
    store.write_json(out / DATASET_INFO, others | written)
    store.write_json(out / STATISTICS, document)


def _described_already(path: Path) -> dict[str, Any]:
    """Descriptions of data sets that are not ours: the folder may be the one where LLaMA-Factory keeps all of its."""
    if not path.exists():
        return {}
    document = store.read_json(path)
    if not isinstance(document, dict):
        raise InputError("FIELD_INVALID", "expected an object", where=str(path), fix="choose another --out")
    ours = dataset_info(FILE_KINDS)
    return {name: entry for name, entry in document.items() if name not in ours}
