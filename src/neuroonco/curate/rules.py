"""Rules by which copies are found, from section ``[duplicates]`` of a rule set."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DuplicateRules(BaseModel):
    """Section ``[duplicates]``.

    Attributes:
        search: ``bytes`` groups identical files only, ``pixels`` also identical pictures, ``all`` also near and
            augmented copies.
        min_votes, max_neighbors, max_pictures_a_word: see :func:`neuroonco.curate.candidates.voted_pairs`.
        max_hash_distance: see :func:`neuroonco.curate.candidates.hash_pairs`.
        min_inliers: keypoints that must agree on one map.
        block_correlation, min_texture, min_texture_share: see :func:`neuroonco.curate.similarity.share_alike`.
        min_blocks: textured blocks without which nothing can be said.
        copy_from: share of alike blocks from which two pictures are copies.
        neighbor_from: share of alike blocks from which two pictures that are no copies share a patient group.
        neighbor_min_inliers: and keypoints that must agree for that.
        near_rotation_to_deg: a copy turned by more than this, or flipped, is an augmented one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Literal["bytes", "pixels", "all"]
    min_votes: int = Field(ge=1)
    max_neighbors: int = Field(ge=1)
    max_pictures_a_word: int = Field(ge=2)
    max_hash_distance: int = Field(ge=0, le=64)
    min_inliers: int = Field(ge=4)
    block_correlation: float = Field(gt=0, lt=1)
    min_texture: float = Field(ge=0)
    min_texture_share: float = Field(ge=0, le=1)
    min_blocks: int = Field(ge=1)
    copy_from: float = Field(gt=0, le=1)
    neighbor_from: float = Field(gt=0, le=1)
    neighbor_min_inliers: int = Field(ge=4)
    near_rotation_to_deg: float = Field(ge=0)
