"""What we declare about a collection: where it is from, what may be done with it, and how its folders read."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from neuroonco.errors import InputError
from neuroonco.sources.patterns import PathPattern, compile_pattern
from neuroonco.vocabulary import MaskKind, MRSequence, Plane, Redistribution, TumorType


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaskRule(_Declared):
    """Where the mask of an image is.

    Attributes:
        path: template over the fields of the image's pattern.
        kind: what the file holds.
        lesion_values: see :class:`neuroonco.catalog.records.MaskRef`.
        empty_means_absent: a mask without foreground says that no tumour is in this slice.
        class_labels: class number of a YOLO label file -> tumour type; a box that contradicts the slice's own
            label is noted.
    """

    path: str
    kind: MaskKind
    lesion_values: tuple[int, ...] | None = None
    empty_means_absent: bool = False
    class_labels: dict[int, TumorType] = {}

    @property
    def template(self) -> PathPattern:
        """The compiled path."""
        return compile_pattern(self.path)


class LayoutRule(_Declared):
    """How one kind of path reads. The first rule whose pattern describes a path counts.

    Attributes:
        pattern: see :mod:`neuroonco.sources.patterns`.
        tumor_type, sequence, plane, split: the same for every slice of the rule.
        channels: sequence of each colour channel, if a file holds several sequences; each becomes a slice.
        missing_repeats: a channel with the pixels of this sequence's channel is missing in truth.
        mask: where the mask is; expected of every slice that is not healthy.
    """

    pattern: str
    tumor_type: TumorType | None = None
    sequence: MRSequence | None = None
    plane: Plane | None = None
    split: str | None = None
    channels: tuple[MRSequence, ...] = ()
    missing_repeats: MRSequence | None = None
    mask: MaskRule | None = None

    @property
    def compiled(self) -> PathPattern:
        """The compiled pattern."""
        return compile_pattern(self.pattern)

    @model_validator(mode="after")
    def _consistent(self) -> "LayoutRule":
        try:
            fields = self.compiled.fields
            mask_fields = self.mask.template.fields if self.mask is not None else frozenset()
        except InputError as error:
            raise ValueError(error.line) from None
        if missing := sorted(mask_fields - fields):
            raise ValueError(f"the mask's path uses fields that the pattern lacks: {', '.join(missing)}")
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

    @property
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
    labels: dict[str, TumorType | Literal["unknown"]] = {}
    splits: dict[str, Literal["train", "val", "test"]] = {}
    sequences: dict[str, MRSequence] = {}
    planes: dict[str, Plane] = {}
    layout: tuple[LayoutRule, ...] = ()
    exclude: tuple[Exclusion, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "SourceSpec":
        if self.license == "unknown" and self.redistribution is not Redistribution.NONE:
            raise ValueError("unknown terms permit no redistribution")
        for rule in self.layout:
            for field in ("label", "split", "sequence", "plane"):
                if field in rule.compiled.fields and not getattr(self, f"{field}s"):
                    raise ValueError(f"pattern {rule.pattern!r} reads {{{field}}} but [{field}s] is empty")
        return self
