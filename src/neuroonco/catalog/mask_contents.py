"""What stands in mask and label files, held against what their source's description says of them."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroonco.errors import InputError
from neuroonco.vocabulary import MaskKind, TumorType


def outlined_by(rows: list[list[str]], declared: MaskKind) -> MaskKind:
    """Boxes or polygons: a class and four numbers are a box, no polygon has so few; both in one file stay declared."""
    lengths = {len(row) for row in rows}
    if lengths == {5}:
        return MaskKind.YOLO_BOXES
    return MaskKind.YOLO_POLYGONS if lengths and min(lengths) >= 7 else declared


def refuse_unnamed(values: npt.NDArray[Any], named: frozenset[int], where: str) -> None:
    """Check that a label mask holds only 0 and values that its source's label map names.

    Raises:
        InputError: ``MASK_LABEL_UNKNOWN``, with the values.
    """
    if unnamed := sorted(set(np.unique(values).tolist()) - named - {0}):
        what = f"values {', '.join(map(str, unnamed[:8]))} are not in the label map, which has {sorted(named)}"
        raise InputError("MASK_LABEL_UNKNOWN", what, where=where, fix="name them in the source's label_map")


def contradictions(
    class_ids: Collection[int], class_labels: Mapping[int, TumorType], tumor_type: TumorType | None
) -> tuple[str, ...]:
    """Notes on boxes whose class is not the slice's; a generic tumour contradicts no tumour type."""
    if not class_labels:
        return ()
    found: set[str] = set()
    for class_id in class_ids:
        said = class_labels.get(class_id)
        if said is None:
            found.add(f"box_class:{class_id}")
        elif tumor_type is not None and said is not tumor_type:
            is_tumor = TumorType.HEALTHY not in (said, tumor_type)
            if not (is_tumor and TumorType.TUMOR in (said, tumor_type)):
                found.add(f"box_label:{said.value}")
    return tuple(sorted(found))
