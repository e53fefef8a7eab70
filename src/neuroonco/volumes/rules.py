"""How volumes are cut and windowed: section ``[volumes]`` of the rule sets."""

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from neuroonco.rules import load_rules
from neuroonco.vocabulary import Plane

Percentile = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class VolumeRules(BaseModel):
    """Choice of slices and window; unit, meaning and source of each are in ``rules/*.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plane: Plane
    slice_choice: Literal["largest_lesion", "every_nth"]
    slices_per_volume: Annotated[int, Field(ge=1)]
    min_distance_mm: Annotated[float, Field(ge=0)]
    healthy_slices: Annotated[int, Field(ge=0)]
    every_n: Annotated[int, Field(ge=1)]
    min_tissue_gray: Annotated[int, Field(ge=1, le=255)]
    min_tissue_share: Share
    max_mask_shift_mm: Annotated[float, Field(ge=0)]
    window_low_percentile: Percentile
    window_high_percentile: Percentile


@cache
def volume_rules() -> VolumeRules:
    """The rules for volumes.

    They are read from the default set: whoever opens a picture has to get the same gray values whatever rules he
    works by. A test holds the section equal in all sets.
    """
    return load_rules("default").section("volumes", VolumeRules)
