"""What a folder level or a part of a file name stands for, judged by the spellings that occur there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from neuroonco.vocabulary import MRSequence, Plane, TumorType, recode

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
MAX_LABELS = 64
"""A level with more spellings, none of which is known, names no classes."""
MAX_PARTS = 26
"""A file name of more parts is not taken apart: there is a letter for each."""
Table = dict[str, str | None]
"""Spelling -> ours; None where the vocabulary does not know the spelling."""


@dataclass
class Column:
    """One level of the folders, or one part of the file name.

    Attributes:
        text: its piece of the pattern.
        tables: field -> what its spellings mean.
        is_certain: the vocabulary knows at least half of its spellings, or all files have the same.
    """

    text: str
    tables: dict[str, Table] = field(default_factory=dict)
    is_certain: bool = True

    @property
    def fields(self) -> set[str]:
        """Names of the pattern's fields in here."""
        return set(re.findall(r"\{([a-z_]+)\*?\}", self.text))


def meaning(name: str, spelling: str) -> str | None:
    """What a spelling means as a field, by the vocabulary.

    >>> meaning("split", "Training"), meaning("sequence", "T1C+"), meaning("label", "yes")
    ('train', 't1ce', None)
    """
    if name == "split":
        return SPLITS.get(spelling.casefold())
    found = recode({"label": TumorType, "sequence": MRSequence, "plane": Plane}[name], spelling)
    return None if found is None else str(found)


def judge_folder(values: Sequence[str]) -> Column:
    """Judge one level of the folders, by the names that the files have there.

    >>> judge_folder(["Training", "Testing"]).text, judge_folder(["glioma T1", "glioma T2"]).text
    ('{split}', '{label*} {sequence}')
    >>> judge_folder(["P01", "P02"]).text, judge_folder(["images", "images"]).text
    ('{patient}', 'images')
    """
    distinct = sorted(set(values))
    for name in ("split", "sequence", "plane"):
        if known := _all_known(name, distinct):
            return known
    table: Table = {value: meaning("label", value) for value in distinct}
    if 2 * sum(found is not None for found in table.values()) >= len(distinct):
        return Column("{label}", {"label": table})
    if two := _label_and_sequence(distinct):
        return two
    if len(distinct) == 1:
        return Column(_literal(distinct[0]))
    if all(re.search("[0-9]", value) for value in distinct):
        return Column("{patient}", is_certain=False)
    if len(distinct) <= MAX_LABELS:
        return Column("{label}", {"label": table}, is_certain=False)
    return Column("{_folder}", is_certain=False)


def judge_names(stems: Sequence[str], taken: Mapping[str, Sequence[str] | None]) -> Column:
    """Judge the file names of one kind of path.

    Args:
        stems: names without ending, one a file.
        taken: fields that are read from folders already -> the name of that folder of each file, or None if the
            folder's name holds other fields too.

    >>> judge_names(["a_train_ax_1", "a_test_co_2"], {"split": ["train", "test"]}).text
    'a_{split}_{plane}_{number}'
    """
    if all(re.fullmatch("[0-9]+", stem) for stem in stems):
        return Column("{number}")
    patients = taken.get("patient")
    if patients is not None and all(s.startswith(f"{p}_") for s, p in zip(stems, patients, strict=True)):
        rests = sorted({s[len(p) + 1 :] for s, p in zip(stems, patients, strict=True)})
        if known := _all_known("sequence", rests):
            return Column("{patient}_{sequence}", known.tables)
    parts = [stem.split("_") for stem in stems]
    uneven = len({len(row) for row in parts}) > 1 or any("" in row for row in parts)
    if uneven or not 1 < len(parts[0]) <= MAX_PARTS:
        return Column("{stem}")
    texts, tables, used = [], dict[str, Table](), set(taken)
    for position, values in enumerate(zip(*parts, strict=True)):
        text = f"{{_n{chr(ord('a') + position)}}}"
        distinct = sorted(set(values))
        known = next((k for n in ("sequence", "plane", "label", "split") if (k := _all_known(n, distinct))), None)
        repeated = next(
            (name for name, folders in taken.items() if folders is not None and list(folders) == list(values)), None
        )
        if repeated is not None:
            text = f"{{{repeated}}}"
        elif known is not None and not known.fields & used:
            text, used = known.text, used | known.fields
            tables |= known.tables
        elif len(distinct) == 1 and re.search("[A-Za-z]", distinct[0]) and known is None:
            text = _literal(distinct[0])
        elif "number" not in used and all(re.fullmatch("[0-9]+", value) for value in distinct):
            text, used = "{number}", used | {"number"}
        texts.append(text)
    return Column("_".join(texts), tables) if tables else Column("{stem}")


def _all_known(name: str, distinct: Iterable[str]) -> Column | None:
    table: Table = {value: meaning(name, value) for value in distinct}
    return Column(f"{{{name}}}", {name: table}) if table and all(table.values()) else None


def _label_and_sequence(distinct: Sequence[str]) -> Column | None:
    """Folders such as ``glioma T1C+``: a class, one character between, and a sequence that is known."""
    split = [re.fullmatch(r"(.+)([ _-])([^ _-]+)", value) for value in distinct]
    if not split or any(s is None or meaning("sequence", s[3]) is None for s in split) or len(distinct) < 2:
        return None
    found = [s for s in split if s is not None]
    if len({s[2] for s in found}) > 1:
        return None
    labels: Table = {s[1]: meaning("label", s[1]) for s in found}
    sequences: Table = {s[3]: meaning("sequence", s[3]) for s in found}
    return Column(f"{{label*}}{found[0][2]}{{sequence}}", {"label": labels, "sequence": sequences})


def _literal(text: str) -> str:
    """A name as a pattern may hold it; one with a character of the pattern language is read over."""
    return text if not re.search(r"[{}*]", text) and text not in (".", "..") else "{_folder}"
