"""What we declare about a collection: where it is from, what may be done with it, and how its folders read."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from neuroonco.errors import InputError
from neuroonco.sources.patterns import FOLDERS, PathPattern, compile_pattern, composed
from neuroonco.vocabulary import MaskKind, MRSequence, Plane, Redistribution, TumorType

T = TypeVar("T")
TABLES = ("label", "split", "sequence", "plane")
"""Fields of a pattern whose spellings a table of the source maps to ours."""
YOLO = (MaskKind.YOLO_POLYGONS, MaskKind.YOLO_BOXES)
Reader = Literal["image", "cheng_mat", "nifti", "dicom"]
"""What opens a file: a picture, a .mat file of Jun Cheng's collection, a NIfTI volume, or a DICOM slice."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaskRule(_Declared):
    """Where the mask of an image is.

    Attributes:
        path: template over the fields of the image's pattern.
        alternatives: further templates; the first file that exists is the mask.
        kind: what the file holds.
        label_map: for kind ``labels``: value -> what it marks. Every value but 0 that the files hold has to be named;
            another value is an error of its file.
        lesion_values: see :class:`neuroonco.catalog.records.MaskRef`; without it every named label is lesion.
        empty_means_absent: a mask without foreground says that no tumour is in this slice.
        class_labels: class number of a YOLO label file -> tumour type; a box that contradicts the slice's own
            label is noted.
        type_from_mask: the slice's tumour type is the class on the first line of its YOLO label file.
    """

    path: str
    alternatives: tuple[str, ...] = ()
    kind: MaskKind
    label_map: dict[int, str] = {}
    lesion_values: tuple[int, ...] | None = None
    empty_means_absent: bool = False
    class_labels: dict[int, TumorType] = {}
    type_from_mask: bool = False

    @cached_property
    def templates(self) -> tuple[PathPattern, ...]:
        """The compiled paths, the preferred one first."""
        return tuple(compile_pattern(path) for path in (self.path, *self.alternatives))

    @property
    def lesion(self) -> tuple[int, ...] | None:
        """Values or classes that mean lesion; None: any."""
        return self.lesion_values or tuple(sorted(self.label_map)) or None

    @model_validator(mode="after")
    def _consistent(self) -> "MaskRule":
        if self.kind is MaskKind.LABELS and not self.label_map:
            raise ValueError('kind "labels" needs a label_map, e.g. { 1 = "necrotic core", 2 = "edema" }')
        if self.kind is not MaskKind.LABELS and self.label_map:
            raise ValueError(f'label_map is for kind "labels", not "{self.kind}"')
        if any(not 0 < value < 2**15 for value in self.label_map):
            raise ValueError("label_map names values from 1; 0 is background")
        if self.label_map and (unnamed := set(self.lesion_values or ()) - set(self.label_map)):
            raise ValueError(f"lesion_values are not in label_map: {', '.join(map(str, sorted(unnamed)))}")
        if self.type_from_mask and not (self.class_labels and self.kind in YOLO):
            raise ValueError("type_from_mask needs class_labels and a YOLO kind")
        return self


class LayoutRule(_Declared):
    """How one kind of path reads. The first rule whose pattern describes a path counts.

    Attributes:
        pattern: see :mod:`neuroonco.sources.patterns`.
        reader: what opens the files; ``cheng_mat`` reads label, patient and mask from the file itself, and looks
            its label numbers up in ``[labels]``.
        tumor_type, sequence, plane, split: the same for every slice of the rule.
        channels: sequence of each colour channel, if a file holds several sequences; each becomes a slice.
        missing_repeats: a channel with the pixels of this sequence's channel is missing in truth.
        mask: where the mask is; expected of every slice that is not healthy.
    """

    pattern: str
    reader: Reader = "image"
    tumor_type: TumorType | None = None
    sequence: MRSequence | None = None
    plane: Plane | None = None
    split: str | None = None
    channels: tuple[MRSequence, ...] = ()
    missing_repeats: MRSequence | None = None
    mask: MaskRule | None = None

    @cached_property
    def compiled(self) -> PathPattern:
        """The compiled pattern."""
        return compile_pattern(self.pattern)

    @model_validator(mode="after")
    def _consistent(self) -> "LayoutRule":
        try:
            fields = self.compiled.fields
            templates = self.mask.templates if self.mask is not None else ()
        except InputError as error:
            raise ValueError(error.line) from None
        if missing := sorted(frozenset[str]().union(*(t.fields for t in templates)) - fields):
            raise ValueError(f"the mask's path uses fields that the pattern lacks: {', '.join(missing)}")
        if self.reader == "cheng_mat" and self.mask is not None:
            raise ValueError("a cheng_mat file holds its own mask")
        for field, constant in (
            ("label", self.tumor_type),
            ("sequence", self.sequence),
            ("plane", self.plane),
            ("split", self.split),
        ):
            if field in fields and constant is not None:
                raise ValueError(f"{{{field}}} is read from the path and also given; write {{_{field}}}")
        if self.channels and (self.sequence is not None or "sequence" in fields):
            raise ValueError("a rule has either channels or one sequence")
        if self.missing_repeats is not None and self.missing_repeats not in self.channels:
            raise ValueError("missing_repeats is not one of the channels")
        return self


class Exclusion(_Declared):
    """Paths that the source's description leaves out, and why."""

    pattern: str
    reason: str

    @cached_property
    def compiled(self) -> PathPattern:
        """The compiled pattern."""
        return compile_pattern(self.pattern)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compile_pattern(pattern)
        except InputError as error:
            raise ValueError(error.line) from None
        return pattern


class SourceSpec(_Declared):
    """One collection.

    Attributes:
        id: short id, e.g. ``01``; unique.
        license: SPDX id, the terms in words, or ``unknown``.
        license_note: how the licence is known, and what it does not settle.
        redistribution: what may leave the machine; ``none`` where the terms are unknown.
        attribution: the line that users of the images have to show.
        citation: what to cite.
        verified: the layout was seen on real files.
        layout_note: what is known and not known about the layout.
        priority: of several identical files the one from the source of highest priority represents them.
        priority_note: the ground for the priority.
        folder_hints: patterns (``*``, ``?``) of folder names by which the source is recognised in a larger root.
        sequence_note: the ground for stating a sequence that file names do not, or contradict.
        labels: the source's spelling -> tumour type, or ``unknown`` for a label outside the vocabulary.
        splits, sequences, planes: the source's spelling -> ours.
        layout: how paths read; empty if not known.
        exclude: paths that are left out.
    """

    id: str
    name: str
    homepage: str
    license: str
    license_url: str | None = None
    license_note: str
    redistribution: Redistribution = Redistribution.NONE
    attribution: str
    citation: str
    verified: bool
    layout_note: str
    priority: int
    priority_note: str
    folder_hints: tuple[str, ...]
    sequence_note: str | None = None
    labels: dict[str, TumorType | Literal["unknown"]] = {}
    splits: dict[str, Literal["train", "val", "test"]] = {}
    sequences: dict[str, MRSequence] = {}
    planes: dict[str, Plane] = {}
    layout: tuple[LayoutRule, ...] = ()
    exclude: tuple[Exclusion, ...] = ()

    @field_validator("labels", "splits", "sequences", "planes", mode="after")
    @classmethod
    def _composed(cls, table: dict[str, T]) -> dict[str, T]:
        return {composed(spelling): value for spelling, value in table.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "SourceSpec":
        if self.license == "unknown" and self.redistribution is not Redistribution.NONE:
            raise ValueError("unknown terms permit no redistribution")
        for rule in self.layout:
            fields = rule.compiled.fields
            for field in TABLES:
                if field in fields and not self.table(field):
                    raise ValueError(f"pattern {rule.pattern!r} reads {{{field}}} but [{field}s] is empty")
            if rule.reader == "cheng_mat" and not self.labels:
                raise ValueError(f"pattern {rule.pattern!r} finds labels in the file but [labels] is empty")
            if "_sequence" in fields and rule.sequence is not None and not self.sequence_note:
                raise ValueError(
                    f"pattern {rule.pattern!r} overrides the sequence in the names; say why in sequence_note"
                )
        return self

    def table(self, field: str) -> Mapping[str, str]:
        """The table of one of the fields of :data:`TABLES`: spelling -> ours."""
        found: dict[str, Mapping[str, str]] = {
            "label": self.labels,
            "split": self.splits,
            "sequence": self.sequences,
            "plane": self.planes,
        }
        return found[field]

    def match(self, path: str) -> tuple[LayoutRule, dict[str, str]] | None:
        """The first rule that describes a path, with the fields it reads there; None if no rule does.

        A pattern that starts with ``**`` looks into folders that nobody described, so it needs a foothold: a folder
        that it names, or a field whose spelling a table lists. Its split has to be one of the table in any case,
        since a folder in that place may just as well be one that the archive was unpacked to.
        """
        for rule in self.layout:
            fields = rule.compiled.match(path)
            if fields is not None and (FOLDERS not in fields or self._has_foothold(rule, fields)):
                return rule, fields
        return None

    def _has_foothold(self, rule: LayoutRule, fields: Mapping[str, str]) -> bool:
        known = {field: composed(fields[field]) in self.table(field) for field in TABLES if field in fields}
        if not known.get("split", True):
            return False
        names_a_folder = any("{" not in segment for segment in rule.pattern.split("/")[1:-1])
        return not known or names_a_folder or any(known.values())
