"""Is a catalogued image usable at all? Thin: size and an empty picture. Decoding was checked by the catalogue."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from neuroonco.errors import InputError
from neuroonco.images import Gray


class CurateRules(BaseModel):
    """Section ``[curate]`` of a rule set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side_px: int
    max_side_px: int
    min_gray_range: int
    label_conflict_policy: str


def check_quality(image: Gray, where: str, rules: CurateRules) -> None:
    """Pass a slice (height, width) that can show anatomy.

    Raises:
        InputError: too small, too large, or (nearly) one gray value.
    """
    height, width = image.shape
    if min(height, width) < rules.min_side_px:
        raise InputError("IMAGE_TOO_SMALL", f"{width} x {height} px, at least {rules.min_side_px}", where=where)
    if max(height, width) > rules.max_side_px:
        raise InputError("IMAGE_TOO_LARGE", f"{width} x {height} px, at most {rules.max_side_px}", where=where)
    span = gray_range(image)
    if span < rules.min_gray_range:
        raise InputError("IMAGE_BLANK", f"gray values span {span}, at least {rules.min_gray_range}", where=where)


def gray_range(image: Gray) -> int:
    """Span of gray values between the 0.5th and the 99.5th percentile, from the histogram.

    >>> gray_range(np.repeat(np.arange(200, dtype=np.uint8), 2).reshape(20, 20))
    198
    """
    filled = np.cumsum(np.bincount(image.ravel(), minlength=256))
    low, high = np.searchsorted(filled, [0.005 * image.size, 0.995 * image.size], side="left")
    return int(high - low)
