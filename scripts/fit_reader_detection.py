"""Fit what the measuring reader needs before it reads signs: the sequence by pixels, and the lesion without a mask.

    python scripts/fit_reader_detection.py --phantoms DIR              images, masks and truth.parquet in DIR
    python scripts/fit_reader_detection.py --seed 1 --number 540       the same phantoms, drawn

Writes ``readings/fitted/sequence.json`` and ``readings/fitted/detection_<reading>.json``. Run it before
``scripts/fit_reader.py``, which fits the signs of detected lesions. On one machine, the same phantoms give the same
bytes. Figures that count are those of other seeds and the other style: ``neuroonco validate``.

The sequence is fitted to each phantom as drawn and in one worse copy. A candidate counts as the lesion in its outline
from an overlap of 0.5 with it (one of several lesions will do) and as part of it from 0.2. Of the many candidates that
are no lesion every third is used, and the model's intercept is set right for that.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from neuroonco import store
from neuroonco.images import Gray, Mask, read_image
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings import brain
from neuroonco.readings.brain import View
from neuroonco.readings.candidates import Candidate
from neuroonco.readings.lesion import NOTHING, OUTLINE, PART, by_sequence, feature_names, measured_candidates, overlap
from neuroonco.readings.logistic import FeatureValues, FittedOn, LogisticModel, fit_logistic
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.sequence import NAMES, sequence_features
from neuroonco.rules import load_rules
from neuroonco.vocabulary import MRSequence, PhantomStyle, ReadingKind

FITTED = Path(__file__).resolve().parents[1] / "src" / "neuroonco" / "readings" / "fitted"
SEQUENCE_L2, DETECTION_L2 = 2.0, 40.0
"""Penalties; that of detection is the best of 5, 40 and 200 in two-fold cross-validation by phantom."""
OUTLINE_FROM, PART_FROM = 0.5, 0.2
EVERY = 3
"""One in so many candidates that are no lesion is fitted to."""
MIN_LESION_PX = 40
"""A smaller one of several lesions is not looked for by itself."""

Rows = tuple[list[FeatureValues], list[str]]
Measured = tuple[Candidate, dict[str, float | None]]


def main() -> int:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=540)
    parser.add_argument("--phantoms", type=Path, default=None)
    options = parser.parse_args()
    rules = load_rules("default").section("read", ReadRules)
    sequence: Rows = ([], [])
    detection: dict[ReadingKind, Rows] = {kind: ([], []) for kind in ReadingKind}
    for truth, image, mask in phantoms(options.seed, options.number, options.phantoms):
        view = viewed(image, rules)
        if view is None:
            continue
        for seen in (view, viewed(worse_copy(image, truth.number), rules)):
            if seen is not None:
                sequence[0].append(sequence_features(seen))
                sequence[1].append(truth.sequence.value)
        for kind in ReadingKind:
            add_candidates(detection[kind], measured_candidates(view, kind), truth, mask)
    on = {"seed": options.seed, "style": PhantomStyle.TUNED, "number": options.number}
    write(
        fit_logistic(
            *sequence,
            name="sequence",
            features=NAMES,
            l2=SEQUENCE_L2,
            classes=[s.value for s in MRSequence],
            balanced=True,
            fitted_on=FittedOn(**on, rows=len(sequence[0]), note="whole slices, as drawn and in a worse copy"),
        )
    )
    for kind, (rows, labels) in detection.items():
        note = f"candidates; one in {EVERY} of those that are no lesion"
        write(fit_detection(kind, rows, labels, FittedOn(**on, rows=len(rows), note=note)))
    return 0


def fit_detection(kind: ReadingKind, rows: list[FeatureValues], labels: list[str], on: FittedOn) -> LogisticModel:
    """The model of one reading, its odds those of all candidates."""
    model = fit_logistic(
        rows,
        labels,
        name=f"detection_{kind.value}",
        features=feature_names(kind),
        l2=DETECTION_L2,
        classes=(NOTHING, PART, OUTLINE),
        fitted_on=on,
    )
    more = float(np.log(EVERY))
    odds = zip(model.classes, model.intercepts, strict=True)
    intercepts = tuple(round(value + more, 6) if name == NOTHING else value for name, value in odds)
    return model.model_copy(update={"intercepts": intercepts})


def phantoms(seed: int, number: int, folder: Path | None) -> Iterator[tuple[PhantomTruth, Gray, Mask | None]]:
    """Truth, image and mask of each phantom of a series, drawn or read."""
    if folder is None:
        for n in range(number):
            phantom = draw_phantom(seed, n)
            yield phantom.truth, phantom.image, phantom.mask
        return
    for truth in store.load_strict(folder / "truth.parquet", PhantomTruth)[:number]:
        if truth.seed != seed or truth.style is not PhantomStyle.TUNED:
            raise SystemExit(f"{folder} holds seed {truth.seed}, style {truth.style}: the reader is fitted to {seed}")
        image = read_image(folder, truth.image_path)
        yield truth, image, None if truth.mask_path is None else read_image(folder, truth.mask_path) > 127


def viewed(image: Gray, rules: ReadRules) -> View | None:
    """A slice as the reader prepares it."""
    pixels, _, scale = brain.to_working_size(image, None, rules.working_side_px)
    return brain.prepare(pixels, scale, rules.min_symmetry)


def worse_copy(image: Gray, number: int) -> Gray:
    """The slice as another scanner might have shown it; the same number gives the same copy."""
    rng = np.random.default_rng([number, 78])
    top = max(1.0, float(np.percentile(image, 99.5)))
    values = np.clip(image.astype(np.float32) / top, 0, 1.3) ** rng.uniform(0.8, 1.25)
    values = cv2.GaussianBlur(values * top * rng.uniform(0.75, 1.1), (0, 0), float(rng.uniform(0.3, 1.0)))
    values = values + rng.normal(0, rng.uniform(0, 0.03) * top, image.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def add_candidates(rows: Rows, measured: Iterable[Measured], truth: PhantomTruth, mask: Mask | None) -> None:
    """Label the candidates of one slice; all that hit a lesion are kept, one in three of the others."""
    lesions = [] if mask is None else separate(mask)
    passed = truth.number
    for candidate, values in measured:
        hit = max((overlap(candidate.on(lesion.shape), lesion) for lesion in lesions), default=0.0)
        label = OUTLINE if hit >= OUTLINE_FROM else PART if hit >= PART_FROM else NOTHING
        if label == NOTHING:
            passed += 1
            if passed % EVERY:
                continue
        rows[0].append(by_sequence(values, truth.sequence, bright=candidate.bright))
        rows[1].append(label)


def separate(mask: Mask) -> list[Mask]:
    """The whole lesion, and each of several."""
    labels, count = ndimage.label(mask)
    pieces = [np.asarray(labels == number) for number in range(1, count + 1)]
    return [mask, *(piece for piece in pieces if count > 1 and piece.sum() >= MIN_LESION_PX)]


def write(model: LogisticModel) -> None:
    """Put a model where the reader finds it."""
    path = FITTED / f"{model.name}.json"
    path.write_text(model.to_json(), "utf-8")
    sys.stdout.write(f"{path.name}: {model.fitted_on.rows} rows, classes {', '.join(model.classes)}\n")


if __name__ == "__main__":
    sys.exit(main())
