"""Draw a head: a slice of the template, warped into an individual."""

import numpy as np

from neuroonco.phantoms.atlas import MIDLINE_COLUMN, atlas_slice
from neuroonco.phantoms.fields import Field, edge
from neuroonco.phantoms.head import Head, Site
from neuroonco.phantoms.sites import levels_of, place_sites
from neuroonco.phantoms.surroundings import layers_around, layers_over
from neuroonco.phantoms.tissue import regions_of, shares_of
from neuroonco.phantoms.warp import Individual, draw_individual
from neuroonco.vocabulary import PhantomStyle, Plane

BOLDNESS = {PhantomStyle.TUNED: 1.0, PhantomStyle.HELD_OUT: 1.25}
"""How strongly heads vary."""


def draw_head(plane: Plane, site: Site | None, rng: np.random.Generator, style: PhantomStyle) -> Head:
    """Draw a slice of ``plane`` in which a lesion at ``site`` can be seen; any slice if ``site`` is None.

    Args:
        plane: orientation.
        site: of a lesion to come.
        rng: randomness; the same state gives the same head.
        style: held-out heads vary more.

    Returns:
        The head, without any lesion, in radiological display.
    """
    boldness = BOLDNESS[style]
    offered = levels_of(plane, site)
    one = draw_individual(atlas_slice(plane, offered[int(rng.integers(len(offered)))]), rng, boldness)
    shares = shares_of(one, rng)
    regions = regions_of(one, shares)
    return Head(
        plane=plane,
        white=shares.white,
        gray=shares.gray,
        fluid=shares.fluid,
        nuclei=one.nuclei,
        side=_side(one),
        intracranial=regions.intracranial,
        parenchyma=regions.parenchyma,
        white_matter=regions.white_matter,
        deep_white=regions.deep_white,
        ventricles=regions.ventricles,
        cranium=regions.cranium,
        head=edge(-one.skin, 0.8),
        around=layers_around(one, rng, boldness),
        over=layers_over(one, shares, regions.deep_white, rng),
        sites=place_sites(one, shares, regions),
    )


def _side(one: Individual) -> Field:
    """+1 in the patient's left half, which is at the right of the picture."""
    if one.source.plane is Plane.SAGITTAL:
        return np.zeros_like(one.x)
    return np.where(one.x > MIDLINE_COLUMN, 1, -1).astype(np.float32)
