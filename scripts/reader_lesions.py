"""Lesions detected in the phantoms of the fit by detectors that never saw them.

Part of ``scripts/fit_reader.py``. A detector finds the lesions that it was fitted to better than any others; signs
read on those, and thresholds chosen on them, would promise too much.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from fit_reader_detection import Measured, Rows, add_candidates, fit_detection

from neuroonco.images import Gray, Mask
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings import brain
from neuroonco.readings.brain import View
from neuroonco.readings.lesion import Detection, judged_candidates, measured_candidates, reported
from neuroonco.readings.logistic import FittedOn, LogisticModel
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import PhantomStyle, ReadingKind

HALVES = 2
Given = tuple[PhantomTruth, Gray, Mask | None]


@dataclass(frozen=True)
class Searched:
    """A slice with the candidates of both readings.

    Attributes:
        small: the lesion at working size; None in a healthy slice.
    """

    truth: PhantomTruth
    view: View
    small: Mask | None
    candidates: Mapping[ReadingKind, Sequence[Measured]]


def searched(given: Given) -> Searched | None:
    """Candidates of one slice; None without a head."""
    truth, image, mask = given
    rules = load_rules("default").section("read", ReadRules)
    pixels, small, scale = brain.to_working_size(image, mask, rules.working_side_px)
    view = brain.prepare(pixels, scale, rules.min_symmetry)
    if view is None:
        return None
    return Searched(truth, view, small, {kind: list(measured_candidates(view, kind)) for kind in ReadingKind})


def search_all(slices: Iterable[Given], processes: int) -> list[Searched]:
    """Candidates of all slices, in their order."""
    with ProcessPoolExecutor(processes) as pool:
        return [found for found in pool.map(searched, slices, chunksize=4) if found is not None]


def half_detectors(slices: Sequence[Searched], seed: int) -> dict[tuple[ReadingKind, int], LogisticModel]:
    """For each reading and half of the phantoms, a detector fitted to the other half."""
    models = {}
    for kind in ReadingKind:
        for half in range(HALVES):
            rows: Rows = ([], [])
            for found in slices:
                if found.truth.number % HALVES != half:
                    add_candidates(rows, found.candidates[kind], found.truth, found.small)
            on = FittedOn(
                seed=seed, style=PhantomStyle.TUNED, number=len(slices), rows=len(rows[0]), note="without one half"
            )
            models[kind, half] = fit_detection(kind, *rows, on)
    return models


def detected(found: Searched, kind: ReadingKind, model: LogisticModel, rules: ReadRules) -> Detection | None:
    """What one reading detects in a slice, by that detector."""
    judged = judged_candidates(found.candidates[kind], found.truth.sequence, model)
    return reported(judged, found.view, rules, kind)
