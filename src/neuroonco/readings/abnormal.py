"""Skeptical evidence of a lesion: signal and texture that the tissues of the slice do not have, and massive form.

The mirror image is not looked at, nor is what lies around a place.
"""

import numpy as np
import numpy.typing as npt

from neuroonco.readings.brain import View
from neuroonco.readings.candidates import SHAPE_FEATURES, Candidate, pieces_of, shape_features
from neuroonco.readings.evened import Evened
from neuroonco.readings.morphology import Pixels, blurred

Floats = npt.NDArray[np.float64]

STEPS = 12
"""Levels between the median of the brain and its extreme at which pieces are cut."""
MOST = 40
"""So many pieces are looked at, bright and dark ones each."""
EXTREMES = (0.4, 99.6)
"""Percentiles of the brain between which levels lie."""
LEAST_STEP = 0.05
"""First level above the median."""
FEATURES = (
    *(name for name in SHAPE_FEATURES if name != "off"),
    *("level", "level_weak", "level_strong", "units", "rank", "range", "texture", "blotches", "stability"),
    *("tail_low", "tail_high", "share_beyond"),
)
PERCENTILES = (2, 10, 25, 75, 90, 98)


class Population:
    """The gray values and the texture of a slice's brain as a whole, measured once for all candidates."""

    def __init__(self, view: View, even: Evened) -> None:
        self.view, self.even = view, even
        inner = even.values[even.inner]
        self.percentiles: Floats = np.percentile(inner, PERCENTILES)
        self.sorted = np.sort(inner)
        fine = even.raw - even.values
        self.texture: Pixels = np.sqrt(blurred((fine * fine).astype(np.float32), 2.0))
        self.usual_texture = max(1e-3, float(np.median(self.texture[even.inner])))
        coarse = even.values - blurred(even.values, 0.02 * view.head_diameter_px)
        self.blotches: Pixels = np.sqrt(blurred((coarse * coarse).astype(np.float32), 0.02 * view.head_diameter_px))
        self.usual_blotches = max(1e-3, float(np.median(self.blotches[even.inner])))

    def candidates(self) -> list[Candidate]:
        """Bright and dark pieces at levels from the usual to the extreme, and what is far off on either side."""
        values, inner = self.even.values, self.even.inner
        low, high = (float(v) for v in np.percentile(self.sorted, EXTREMES))
        found: list[Candidate] = []
        for bright, reach in ((True, high - 1), (False, 1 - low)):
            if reach <= LEAST_STEP:
                continue
            levels = tuple(float(v) for v in np.linspace(LEAST_STEP, reach, STEPS, endpoint=False))
            excess = (values - 1) if bright else (1 - values)
            found += pieces_of(np.asarray(excess, np.float32), inner, levels, self.view, bright=bright, most=MOST)
        return found

    def features(self, candidate: Candidate) -> dict[str, float | None]:
        """Where the gray values of a place stand among those of the brain, how even they are, and its form."""
        window, mask = candidate.window, candidate.mask
        values = self.even.values[window][mask]
        low, middle, high = (float(v) for v in np.percentile(values, (10, 50, 90)))
        found = shape_features(candidate, self.view, self.even.area_px, self.even.center)
        del found["off"]
        sign = 1.0 if candidate.bright else -1.0
        found |= {
            "level": sign * (middle - 1),
            "level_weak": sign * ((low if candidate.bright else high) - 1),
            "level_strong": sign * ((high if candidate.bright else low) - 1),
            "units": sign * (middle - 1) / self.even.spread,
            "rank": float(np.searchsorted(self.sorted, middle)) / self.sorted.size,
            "range": high - low,
            "texture": float(np.log(self.texture[window][mask].mean() / self.usual_texture)),
            "blotches": float(np.log(self.blotches[window][mask].mean() / self.usual_blotches)),
            "stability": candidate.stability,
            "tail_low": float(1 - self.percentiles[1]),
            "tail_high": float(self.percentiles[4] - 1),
            "share_beyond": float(np.log(self._beyond(middle, sign) / max(1.0, float(mask.sum())))),
        }
        return found

    def _beyond(self, value: float, sign: float) -> float:
        """Number of brain pixels at least half as far from the median as a value, on the same side."""
        half = 1 + 0.5 * (value - 1)
        position = float(np.searchsorted(self.sorted, half))
        return max(1.0, self.sorted.size - position if sign > 0 else position)
