"""Which slices may come from one patient: a split must not cut through them."""

from collections.abc import Iterable

from neuroonco.curate.duplicates import components
from neuroonco.curate.records import PictureMatch
from neuroonco.store import sha256_text


def patient_groups(patients: Iterable[tuple[str, str, str | None]], matches: Iterable[PictureMatch]) -> dict[str, str]:
    """Group of each slice that shares one: slices of a stated patient, copies, and neighbors, followed through.

    Args:
        patients: slice id, source id and the patient's id as the source states it.
        matches: copies and neighbors.

    Returns:
        Slice id -> opaque group id, the same whatever the order; a slice that is alone is not listed.

    >>> groups = patient_groups([("a", "16", "P1"), ("b", "16", "P1"), ("c", "01", None), ("d", "01", None)],
    ...                         [PictureMatch(first="b", second="c", kind=None)])
    >>> groups["a"] == groups["b"] == groups["c"], "d" in groups
    (True, False)
    """
    first_of: dict[tuple[str, str], str] = {}
    pairs: list[tuple[str, str]] = []
    for slice_id, source_id, patient_id in patients:
        if patient_id is not None:
            first = first_of.setdefault((source_id, patient_id), slice_id)
            if first != slice_id:
                pairs.append((first, slice_id))
    pairs += [(m.first, m.second) for m in matches]
    found: dict[str, str] = {}
    for members in components(pairs):
        group_id = "p" + sha256_text("patient group", members[0])[:16]
        found |= dict.fromkeys(members, group_id)
    return found
