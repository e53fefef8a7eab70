"""Propose how an unknown folder reads: patterns, tables and masks from names alone, and a question where unsure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

from neuroonco.images import IMAGE_SUFFIXES
from neuroonco.sources.columns import Column, Table, judge_folder, judge_names, meaning
from neuroonco.sources.companions import Pairs, ending_of, pair
from neuroonco.sources.patterns import compile_pattern, is_side_file

T = TypeVar("T")
ENDINGS = (*IMAGE_SUFFIXES, ".nii.gz", ".nii", ".mat", ".dcm")
READERS = {".nii.gz": "nifti", ".nii": "nifti", ".dcm": "dicom", ".mat": "cheng_mat"}
EXAMPLES = 12
"""Mask and label files that a proposal may open."""
MAX_VARIANTS = 4
"""A level of so few unknown names beside one of known classes holds variants of the layout, not classes."""


@dataclass(frozen=True)
class ProposedMask:
    """A mask's template, some of its files, and how many images have one."""

    path: str
    examples: tuple[str, ...]
    count: int

    @property
    def example(self) -> str:
        """One of the files."""
        return self.examples[0]


@dataclass(frozen=True)
class ProposedRule:
    """One proposed ``[[layout]]``.

    Attributes:
        pattern: describes all of ``paths``.
        reader: see :class:`neuroonco.sources.LayoutRule`.
        paths: the images it was made from.
        mask: None if there are none.
        fields: what it reads.
    """

    pattern: str
    reader: str
    paths: tuple[str, ...]
    mask: ProposedMask | None
    fields: frozenset[str]


@dataclass
class Proposal:
    """What was made of a folder.

    Attributes:
        rules: the more specific first.
        tables: field -> spelling -> ours, or None where the vocabulary does not know the spelling.
        questions: what a person has to decide, one sentence each.
        others: files that are neither image nor mask.
    """

    rules: list[ProposedRule] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def is_slice(path: str) -> bool:
    """A file that may hold slices, by its ending."""
    return not is_side_file(path) and path.lower().endswith(ENDINGS)


def infer(paths: Sequence[str]) -> Proposal:
    """Propose a layout for some paths, relative to the folder they lie in; nothing is read.

    >>> [rule.pattern for rule in infer(["x/Training/glioma/1.jpg", "x/Testing/no_tumor/a.jpg"]).rules]
    ['**/{split}/{label}/{stem}.{ext}']
    """
    pairs = pair(sorted(paths), is_slice)
    claimed = {mask for mask, _ in pairs.masks.values()}
    proposal = Proposal(others=[p for p in paths if p not in claimed and p not in set(pairs.images)])
    wrapper = _wrapper(pairs.images)
    groups: dict[tuple[int, str], list[str]] = {}
    for path in pairs.images:
        ending = ending_of(path).lower()
        key = (path.count("/"), ending if ending in READERS else "")
        groups.setdefault(key, []).append(path)
    for key in sorted(groups, reverse=True):
        _propose(groups[key], wrapper, pairs, proposal)
    if not proposal.rules:
        proposal.questions.append("No file here has the ending of an image or a volume.")
    return proposal


def _wrapper(images: Sequence[str]) -> int:
    """How many leading folders all images share and that say nothing."""
    count = 0
    for level in zip(*(PurePosixPath(p).parts[:-1] for p in images), strict=False):
        name = level[0]
        says = any(meaning(kind, name) for kind in ("split", "label", "sequence", "plane")) or name in ("images",)
        if len(set(level)) > 1 or says:
            break
        count += 1
    return count


def _propose(paths: Sequence[str], wrapper: int, pairs: Pairs, proposal: Proposal) -> None:
    folders = [PurePosixPath(p).parts[wrapper:-1] for p in paths]
    columns = [judge_folder(values) for values in zip(*folders, strict=True)]
    unsure = next((i for i, c in enumerate(columns) if "label" in c.fields and not c.is_certain), None)
    surely = any("label" in c.fields and c.is_certain for c in columns)
    variants = sorted({f[unsure] for f in folders}) if unsure is not None else []
    if unsure is not None and surely and len(variants) <= MAX_VARIANTS:
        for variant in variants:
            _propose([p for p, f in zip(paths, folders, strict=True) if f[unsure] == variant], wrapper, pairs, proposal)
        return
    columns = _each_field_once(columns)
    stems = [PurePosixPath(p).name[: -len(ending_of(p))] for p in paths]
    taken: dict[str, list[str] | None] = {}
    for number, column in enumerate(columns):
        alone = column.text == "{" + column.text[1:-1] + "}" and len(column.fields) == 1
        taken |= {name: [f[number] for f in folders] if alone else None for name in column.fields}
    names = judge_names(stems, taken)
    ending = ending_of(paths[0]).lower()
    volume = ending in READERS
    inside = "/".join([*(c.text for c in columns), names.text])
    pattern = ("**/" if wrapper else "") + inside + (ending_of(paths[0]) if volume else ".{ext}")
    for column in (*columns, names):
        for name, table in column.tables.items():
            proposal.tables.setdefault(name, {}).update(table)
        _ask_about(column, [f[columns.index(column)] for f in folders] if column in columns else stems, proposal)
    if ending == ".mat":  # its labels are numbers inside the file
        proposal.tables.setdefault("label", {}).update(dict.fromkeys(("1", "2", "3")))
        proposal.questions.append("Which tumor types are the label numbers inside the .mat files?")
    mask = _mask(paths, pattern, pairs)
    fields = compile_pattern(pattern).fields
    proposal.rules.append(ProposedRule(pattern, READERS.get(ending, "image"), tuple(paths), mask, fields))


def _each_field_once(columns: Sequence[Column]) -> list[Column]:
    """A field may be read once: the level that is sure of it reads it, the others are read over."""
    used: set[str] = set()
    chosen: dict[int, Column] = {}
    for number, column in sorted(enumerate(columns), key=lambda pair: not pair[1].is_certain):
        again = column.fields & used
        chosen[number] = Column(f"{{_f{chr(ord('a') + number % 26)}}}", is_certain=False) if again else column
        used |= chosen[number].fields
    return [chosen[number] for number in range(len(columns))]


def _ask_about(column: Column, values: Sequence[str], proposal: Proposal) -> None:
    examples = ", ".join(sorted(set(values))[:3])
    if column.text == "{patient}" and not column.is_certain:
        proposal.questions.append(f"Are the folders such as {examples} one patient each?")
    elif re.search("augment|synth|preview", column.text, re.IGNORECASE) and column.text in values:
        proposal.questions.append(f"Does the folder {column.text} hold copies? Then exclude it.")
    elif column.text.startswith("{_") and not column.is_certain:
        proposal.questions.append(f"What do the folders such as {examples} mean? They are read over.")


def _mask(paths: Sequence[str], pattern: str, pairs: Pairs) -> ProposedMask | None:
    found = [(path, *pairs.masks[path]) for path in paths if path in pairs.masks]
    if not found:
        return None
    relation = _most(relation for _, _, relation in found)
    own = [(path, mask) for path, mask, r in found if r == relation]
    endings = {ending_of(mask) for _, mask in own}
    same = all(ending_of(path) == ending_of(mask) for path, mask in own)
    ending = ".{ext}" if same and pattern.endswith(".{ext}") else _most(ending_of(mask) for _, mask in own)
    if len(endings) == 1:
        ending = endings.pop()
    bare = pattern.removesuffix(".{ext}") if pattern.endswith(".{ext}") else pattern[: -len(ending_of(paths[0]))]
    template = relation.template(bare)
    if template is None:
        return None
    examples = tuple(mask for _, mask in own[:: max(1, len(own) // EXAMPLES)][:EXAMPLES])
    return ProposedMask(template + ending, examples, len(found))


def _most(values: Iterable[T]) -> T:
    return Counter(values).most_common(1)[0][0]
