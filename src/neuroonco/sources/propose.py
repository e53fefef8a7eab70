"""Write what was inferred of a folder as the TOML of a source, with its open questions as comments."""

import glob
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

from neuroonco.errors import printable
from neuroonco.sources.infer import Proposal, ProposedMask, ProposedRule, infer

MAX_LABEL = 15
"""A mask with several values of which none is larger holds labels, not gray values."""
BINARY_VALUES = frozenset({1, 255})
"""Either marks the foreground of a mask that holds no other value."""
TABLE_NAMES = {"label": "labels", "split": "splits", "sequence": "sequences", "plane": "planes"}
ReadText = Callable[[str], str | None]
"""Text of a label file, or None if it cannot be read."""
ReadValues = Callable[[str], Sequence[int] | None]
"""The values other than 0 in a mask, or None if it cannot be read."""


def propose(paths: Sequence[str], name: str, *, read_text: ReadText, read_values: ReadValues) -> str:
    """TOML of a source for an unknown folder.

    It parses, and catalogues the folder it was made from; what the names do not say is left open: a spelling that
    the vocabulary does not know is ``unknown``, and ``TODO`` marks each question to a person.

    Args:
        paths: all files, relative to the folder; names that are not UTF-8 are counted and left out.
        name: the folder's name.
        read_text, read_values: open a label file or a mask.
    """
    unreadable = sum(not _is_text(path) for path in paths)
    paths = [path for path in paths if _is_text(path)]
    proposal = infer(paths)
    if unreadable:
        proposal.questions.append(f"Names of {unreadable} files are not UTF-8, and left out; can they be renamed?")
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "new-source"
    lines = [
        f"# Proposed for the folder {printable(name)}: {len(paths)} files. Every line with TODO waits for a person.",
        *(f"# TODO: {printable(question)}" for question in proposal.questions),
        f"id = {_quoted(slug)}",
        f"name = {_quoted(name)}  # TODO: the collection's name",
        'homepage = "https://example.org"  # TODO: where it is from',
        'license = "unknown"  # TODO: SPDX id, or the terms in words',
        'license_note = "Not looked up."  # TODO: how the licence is known',
        'redistribution = "none"',
        f"attribution = {_quoted(name)}  # TODO: the line that users of the images have to show",
        f"citation = {_quoted(name)}  # TODO: what to cite",
        "verified = false  # TODO: true when a person has compared the catalogue with the files",
        f"layout_note = {_quoted(f'Proposed from the names of {len(paths)} files.')}",
        "priority = 10  # TODO: against other sources with the same images, see docs/sources.md",
        'priority_note = "Not compared with other sources."',
        f"folder_hints = [{_quoted(glob.escape(name))}]",
        *_sequence_question(proposal),
    ]
    for field, title in TABLE_NAMES.items():
        table = proposal.tables.get(field, {})
        if table:
            lines += ["", f"[{title}]"]
            known = {spelling: ours for spelling, ours in sorted(table.items()) if ours is not None or field == "label"}
            lines += [_entry(spelling, ours) for spelling, ours in known.items()]
    for rule in proposal.rules:
        lines += ["", *_rule(rule, read_text, read_values)]
    if proposal.others:
        endings = Counter(re.sub(r"^.*(\.[^./]+)$", r"\1", path) if "." in path else path for path in proposal.others)
        what = ", ".join(f"{printable(ending)} ({n})" for ending, n in endings.most_common(5))
        lines += ["", f"# {len(proposal.others)} other files are left out: {what}"]
    return "\n".join(lines) + "\n"


def _entry(spelling: str, ours: str | None) -> str:
    said = f"{_quoted(spelling)} = {_quoted(ours or 'unknown')}"
    return said if ours else f"{said}  # TODO: which tumor type, healthy, or outside the vocabulary?"


def _sequence_question(proposal: Proposal) -> list[str]:
    if any("sequence" in rule.fields for rule in proposal.rules):
        return []
    return [
        "# TODO: the names state no sequence; if the collection does, add sequence = to its layout and sequence_note"
    ]


def _rule(rule: ProposedRule, read_text: ReadText, read_values: ReadValues) -> list[str]:
    lines = [
        f"[[layout]]  # {len(rule.paths)} files, e.g. {printable(rule.paths[0])}",
        f"pattern = {_quoted(rule.pattern)}",
    ]
    if rule.reader != "image":
        lines.append(f"reader = {_quoted(rule.reader)}")
    if rule.reader == "cheng_mat":
        lines.append("# TODO: only the .mat files of Jun Cheng's collection can be read")
    elif "label" not in rule.fields:
        lines.append('# tumor_type = "tumor"  # TODO: no label is in the names; what do all of these show?')
    if rule.mask is not None and rule.reader != "cheng_mat":
        share = f"{rule.mask.count} of {len(rule.paths)} have one, e.g. {printable(rule.mask.example)}"
        lines += ["", f"[layout.mask]  # {share}", f"path = {_quoted(rule.mask.path)}"]
        lines += _yolo(rule.mask, read_text) if rule.mask.example.endswith(".txt") else _image(rule.mask, read_values)
        lines.append("# empty_means_absent = true  # TODO: does an empty mask say that this slice shows no tumor?")
    return lines


def _yolo(mask: ProposedMask, read_text: ReadText) -> list[str]:
    rows = [line.split() for path in mask.examples for line in (read_text(path) or "").splitlines() if line.strip()]
    polygons = sum(len(row) > 5 for row in rows)
    classes = sorted({int(row[0]) for row in rows if row[0].isdecimal()})
    named = ", ".join(f'{number} = "tumor"' for number in classes)
    return [
        f'kind = "{"yolo_polygons" if 2 * polygons > len(rows) else "yolo_boxes"}"',
        f"# class_labels = {{ {named} }}  # TODO: which class is which tumor type?",
    ]


def _image(mask: ProposedMask, read_values: ReadValues) -> list[str]:
    read = [read_values(path) for path in mask.examples]
    values = sorted({value for found in read for value in found or ()})
    if all(found is None for found in read):
        return ['kind = "binary"  # TODO: none of the masks looked at could be opened here; do they hold labels?']
    if len(values) < 2 and set(values) <= BINARY_VALUES:
        return ['kind = "binary"']
    if max(values) > MAX_LABEL or min(values) < 1:
        shown = ", ".join(map(str, values[:MAX_LABEL])) + (", ..." if len(values) > MAX_LABEL else "")
        question = f"the values are {shown}: gray edges of one mark, or labels with a label_map?"
        return [f'kind = "binary"  # TODO: {question}']
    named = ", ".join(f'{value} = "unknown, please name"' for value in values)
    return ['kind = "labels"', f"label_map = {{ {named} }}  # TODO: what does each value mark, and which are lesion?"]


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes of a name that were no UTF-8
        return False
    return True


def _quoted(text: str) -> str:
    """A string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
