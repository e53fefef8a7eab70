"""The reference's ``sample_id``: a readable name of a slice, and how it is made unique."""

import re
from collections import Counter
from collections.abc import Sequence

from neuroonco.catalog.records import SliceRecord


def clean_token(text: str) -> str:
    """Letters and digits, everything else as single underscores.

    Source: MM-NeuroOnco v1.0, metadata extraction.

    >>> clean_token(" T1C+ (12)"), clean_token("--")
    ('T1C_12', 'na')
    """
    return re.sub(r"[^a-zA-Z0-9]+", "_", text).strip("_") or "na"


def sample_id_of(label: str, folder: str, stem: str) -> str:
    """``<label>_<folder>_<stem>``, without the label if the stem already says it; an empty folder is left out.

    Source: MM-NeuroOnco v1.0, metadata extraction.

    >>> sample_id_of("glioma", "16_t1_mask", "BraTS2021_01084_t1")
    'glioma_16_t1_mask_BraTS2021_01084_t1'
    >>> sample_id_of("pituitary", "", "pituitary_07_t1ce (574)")
    'pituitary_07_t1ce_574'
    """
    name = clean_token(stem)
    parts = [clean_token(folder), name] if folder else [name]
    said = clean_token(label)
    return "_".join(parts if said.lower() in name.lower() else [said, *parts])


def unique_sample_ids(records: Sequence[SliceRecord]) -> list[SliceRecord]:
    """Give records that share a ``sample_id`` their ``slice_id`` as a suffix; the others stay as they are.

    What a record is called depends on the set of records alone, not on their order.
    """
    times = Counter(record.sample_id for record in records)
    renamed = [
        r.model_copy(update={"sample_id": f"{r.sample_id}_{r.slice_id}"}) if times[r.sample_id] > 1 else r
        for r in records
    ]
    # A name may look like another one's with its suffix; the slice_id alone is always unique.
    times = Counter(record.sample_id for record in renamed)
    return [r.model_copy(update={"sample_id": r.slice_id}) if times[r.sample_id] > 1 else r for r in renamed]
