"""Which slices ask the benchmark's questions and which become instructions; no group lies in both."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuroonco.audit.records import AuditedLabel
from neuroonco.seeded import shuffled
from neuroonco.store import sha256_text


@dataclass(frozen=True)
class Split:
    """Two lists that share no patient, file or duplicate; each is ordered by slice id."""

    benchmark: list[AuditedLabel]
    instructions: list[AuditedLabel]


def group_ids(labels: Sequence[AuditedLabel]) -> dict[str, str]:
    """Group of each slice id: slices of one patient or patient group, of one file or of the same bytes, followed
    through.

    The id is opaque and depends on the group's smallest key, not on the order of the labels.
    """
    keys = {label.slice_id: _keys(label) for label in labels}
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while (upper := parent.setdefault(key, key)) != key:
            parent[key] = parent[upper]
            key = parent[key]
        return key

    for slice_id, named in keys.items():
        for key in named:
            a, b = sorted((root(f"slice/{slice_id}"), root(key)))
            parent[b] = a
    return {slice_id: "g" + sha256_text(root(f"slice/{slice_id}"))[:16] for slice_id in sorted(keys)}


def split_labels(labels: Sequence[AuditedLabel], *, seed: int, share: float) -> Split:
    """Give groups to the benchmark, in a seeded order, as long as its share of the slices is not exceeded.

    A group that is too large for what is left is passed over. The same labels and seed give the same split,
    which is how the two build commands keep apart.

    Args:
        share: of the slices that the benchmark may take, 0 to 1.
    """
    groups = group_ids(labels)
    members: dict[str, list[AuditedLabel]] = {}
    for label in sorted(labels, key=lambda one: one.slice_id):
        members.setdefault(groups[label.slice_id], []).append(label)
    room = round(share * len(labels))
    chosen: set[str] = set()
    for group in shuffled(members, seed, "split", lambda name: name):
        if len(members[group]) <= room:
            chosen.add(group)
            room -= len(members[group])
    ordered = sorted(labels, key=lambda one: one.slice_id)
    return Split(
        benchmark=[one for one in ordered if groups[one.slice_id] in chosen],
        instructions=[one for one in ordered if groups[one.slice_id] not in chosen],
    )


def _keys(label: AuditedLabel) -> list[str]:
    record = label.slice
    keys = []
    if record.patient_id is not None:
        keys.append(f"patient/{record.source_id}/{record.patient_id}")
    if record.mask is not None:  # slices with one mask are one anatomy, whatever their sequences
        keys.append(f"mask/{record.mask.path}")
    if record.patient_group is not None:  # slices that curation holds to be one patient's, whatever their source
        keys.append(f"patients/{record.patient_group}")
    if record.duplicate_group is not None:
        keys.append(f"duplicate/{record.duplicate_group}")
    if record.image_sha256:
        keys.append(f"bytes/{record.image_sha256}")
    if record.image_path:
        keys.append(f"file/{record.image_path}")
    return keys
