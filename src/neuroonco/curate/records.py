"""Records of curation: the slices that remain, and what was found across sources."""

from neuroonco.catalog.records import SliceRecord
from neuroonco.outcomes import Record
from neuroonco.vocabulary import TumorType


class CuratedSlice(SliceRecord):
    """A catalogued slice that passed curation.

    Attributes:
        duplicate_group: id shared by all files with the same bytes; None if there is only one.
        duplicate_count: how many files the group has, itself included.
        flags: findings that did not lead to a drop, e.g. ``split_leak``.
    """

    duplicate_group: str | None = None
    duplicate_count: int = 1
    flags: tuple[str, ...] = ()


class GroupMember(Record):
    """One file of a duplicate group."""

    slice_id: str
    source_id: str
    image_path: str
    tumor_type: TumorType | None
    split: str | None
    representative: bool


class DuplicateGroup(Record):
    """Files with the same bytes, and what their sources disagree about.

    Attributes:
        conflicting_types: more than one tumour type, where a generic "tumor" does not contradict a specific one.
        leaking_splits: the group lies in the training and in a held-out part of some source.
    """

    group_id: str
    members: tuple[GroupMember, ...]
    conflicting_types: bool
    leaking_splits: bool
