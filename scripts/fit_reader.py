"""Fit the measuring reader to phantoms: one small logistic model for each sign, reading and kind of outline.

    python scripts/fit_reader.py --seed 1 --number 540
    python scripts/fit_reader.py --seed 1 --number 540 --phantoms DIR     images, masks and truth.parquet in DIR
    python scripts/fit_reader.py --seed 1 --number 540 --dry-run          tables only

Writes ``readings/fitted/<sign>_<reading>_<basis>.json`` and, in ``rules/default.toml`` and ``rules/paper.toml``, how
sure each reading has to be of each sign (``read.sure_*``). On one machine, the same phantoms give the same bytes.

What it does:

1. Each phantom with a lesion is measured with its true mask, as drawn and in two worse copies (gain, gamma, blur, more
   noise), so that no model leans on one scanner; and, as drawn, where a lesion is detected without the mask, by a
   detector fitted to the other half of the phantoms (``reader_lesions.py``).
2. Five-fold cross-validation by phantom gives each row the probabilities of models that never saw the phantom.
3. On those, the thresholds are chosen that leave out least where fused labels (both readings agree, or on a coarser
   term) are as precise as wanted; every wrong label counts as much as ``price`` left out, the same for all signs.
4. The models that are written are fitted to all rows.

The tables are of step 3: cross-validated, on the phantoms of the fit. Figures that count are those of other seeds and
the other style: ``neuroonco validate``.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from fit_reader_detection import phantoms
from reader_lesions import HALVES, Searched, detected, half_detectors, search_all
from reader_thresholds import PACKAGE, Judged, choose, say, show, write_rules

from neuroonco.images import Gray, Mask
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings import brain, lesion
from neuroonco.readings.decide import measured_enough, model_name
from neuroonco.readings.evidence import FEATURES, evidence_of
from neuroonco.readings.logistic import FeatureValues, FittedOn, LogisticModel, fit_logistic
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.site import site_of
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    SIGN_VALUES,
    LesionBasis,
    MRSequence,
    PhantomStyle,
    ReadingKind,
    Sign,
    assessable,
)

FOLDS = 5
COPIES = 2
L2 = 4.0
"""Penalty on the weights: strong for some hundred rows, so that single phantoms teach little."""
DETECTED_FROM = 0.3
"""Overlap with the true mask from which a detected lesion is the lesion, and its signs are right or wrong."""


@dataclass(frozen=True)
class Row:
    """One lesion as one reading measured it.

    Attributes:
        number: of the phantom; rows of one phantom stay in one fold.
        truth: of the slice.
        evidence: the reading's measurements; None where it had none to make.
        there: the lesion is one: False for a detection beside it or in a healthy slice.
    """

    number: int
    truth: PhantomTruth
    evidence: Mapping[ReadingKind, FeatureValues | None]
    there: bool = True


def main() -> int:
    """Fit, print the tables, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=540)
    parser.add_argument("--phantoms", type=Path, default=None)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--processes", type=int, default=2, help="that search for lesions; the result is the same")
    parser.add_argument("--basis", choices=[LesionBasis.MASK, LesionBasis.DETECTED], default=None)
    options = parser.parse_args()
    rules = load_rules("default").section("read", ReadRules)
    wanted = [LesionBasis.MASK, LesionBasis.DETECTED] if options.basis is None else [LesionBasis(options.basis)]
    rows: dict[LesionBasis, list[Row]] = {basis: [] for basis in wanted}
    given = list(phantoms(options.seed, options.number, options.phantoms))
    if LesionBasis.MASK in wanted:
        for truth, image, mask in given:
            for picture in () if mask is None else (image, *worse_copies(image, truth.number)):
                rows[LesionBasis.MASK] += measured(truth, picture, mask, rules)
    if LesionBasis.DETECTED in wanted:
        slices = search_all(given, options.processes)
        detectors = half_detectors(slices, options.seed)
        for found in slices:
            rows[LesionBasis.DETECTED] += measured_where_detected(found, detectors, rules)
    sure: dict[str, float] = {}
    for basis, found in rows.items():
        sure |= fit(found, basis, options)
    if not options.dry_run:
        write_rules(sure)
    return 0


def worse_copies(image: Gray, number: int) -> Iterator[Gray]:
    """The slice as other scanners might have shown it; the same number gives the same copies."""
    rng = np.random.default_rng([number, 77])
    for _ in range(COPIES):
        top = max(1.0, float(np.percentile(image, 99.5)))
        values = np.clip(image.astype(np.float32) / top, 0, 1.3) ** rng.uniform(0.85, 1.18)
        values = values * top * rng.uniform(0.75, 1.1)
        if rng.random() < 0.5:
            values = cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.3, 0.8)))
        values = values + rng.normal(0, rng.uniform(0, 0.03) * top, image.shape)
        yield np.clip(np.rint(values), 0, 255).astype(np.uint8)


def measured(truth: PhantomTruth, image: Gray, mask: Mask | None, rules: ReadRules) -> Iterator[Row]:
    """The row of one picture read with its mask; none without a head."""
    pixels, small, scale = brain.to_working_size(image, mask, rules.working_side_px)
    view = brain.prepare(pixels, scale, rules.min_symmetry)
    if view is not None and small is not None:
        evidence = {kind: evidence_at(view, small, kind, truth.sequence, rules) for kind in ReadingKind}
        yield Row(truth.number, truth, evidence)


def measured_where_detected(
    slice_: Searched, detectors: Mapping[tuple[ReadingKind, int], LogisticModel], rules: ReadRules
) -> Iterator[Row]:
    """The row of one slice read where each reading's detector for its half finds a lesion; none if nothing is there."""
    truth, small = slice_.truth, slice_.small
    found: dict[ReadingKind, FeatureValues | None] = dict.fromkeys(ReadingKind)
    overlaps: list[float] = []
    for kind in ReadingKind:
        detection = detected(slice_, kind, detectors[kind, truth.number % HALVES], rules)
        if detection is None:
            continue
        overlaps.append(0.0 if small is None else lesion.overlap(detection.mask, small))
        if detection.outline_trusted:
            found[kind] = evidence_at(slice_.view, detection.mask, kind, truth.sequence, rules)
    if overlaps or small is not None:
        there = small is not None and (not overlaps or max(overlaps) >= DETECTED_FROM)
        yield Row(truth.number, truth, found, there)


def evidence_at(
    view: brain.View, where: Mask, kind: ReadingKind, sequence: MRSequence, rules: ReadRules
) -> FeatureValues | None:
    """What one reading measures of a lesion; None where it would not read it."""
    site = site_of(view, where, sequence)
    return None if site is None or where.sum() < rules.min_lesion_px else evidence_of(site, kind)


def fit(rows: Sequence[Row], basis: LesionBasis, options: argparse.Namespace) -> dict[str, float]:
    """Models of all signs on one kind of outline, and the thresholds by the names of their rules."""
    judged: dict[Sign, Judged] = {}
    for sign in Sign:
        said = {kind: crossed(rows, sign, kind, basis, options) for kind in ReadingKind}
        asked = [n for n, row in enumerate(rows) if row.truth.signs.get(sign) is not None or not row.there]
        true = tuple(rows[n].truth.signs.get(sign) if rows[n].there else None for n in asked)
        judged[sign] = Judged(true, {kind: tuple(p[n] for n in asked) for kind, p in said.items()})
    price, thresholds = choose(judged, basis)
    say(f"\n{basis}: {len(rows)} rows; a wrong label costs as much as {price:g} left out")
    show(judged, thresholds)
    return {
        f"sure_{'detected_' if basis is LesionBasis.DETECTED else ''}{sign}_{kind}": value
        for sign, pair in thresholds.items()
        for kind, value in zip(ReadingKind, pair, strict=True)
    }


def crossed(
    rows: Sequence[Row], sign: Sign, kind: ReadingKind, basis: LesionBasis, options: argparse.Namespace
) -> list[Mapping[str, float] | None]:
    """Probabilities for every row from models fitted to the other folds; writes the models fitted to all."""
    features = FEATURES[kind][sign]
    found: list[Mapping[str, float] | None] = [None] * len(rows)
    of_model: dict[str, list[int]] = {}
    for n, row in enumerate(rows):
        asked = assessable(sign, row.truth.sequence) and (row.truth.signs.get(sign) is not None or not row.there)
        if asked and measured_enough(row.evidence[kind] or {}, features):
            of_model.setdefault(model_name(sign, kind, basis, row.truth.sequence), []).append(n)
    for name, usable in sorted(of_model.items()):
        for fold in (*range(FOLDS), None):
            fits = [n for n in usable if rows[n].there and (fold is None or rows[n].number % FOLDS != fold)]
            if len({rows[n].truth.signs.get(sign) for n in fits}) < 2:
                continue
            model = fitted(name, [rows[n] for n in fits], sign, kind, options)
            if fold is None and not options.dry_run:
                (PACKAGE / "readings" / "fitted" / f"{name}.json").write_text(model.to_json(), "utf-8")
            for n in usable:
                if rows[n].number % FOLDS == fold:
                    found[n] = model.probabilities(rows[n].evidence[kind] or {})
    return found


def fitted(name: str, rows: Sequence[Row], sign: Sign, kind: ReadingKind, options: argparse.Namespace) -> LogisticModel:
    """One model fitted to some rows."""
    true = [row.truth.signs.get(sign) for row in rows]
    given = name.endswith(LesionBasis.MASK)
    return fit_logistic(
        [row.evidence[kind] or {} for row in rows],
        [str(value) for value in true],
        name=name,
        features=FEATURES[kind][sign],
        l2=L2,
        fitted_on=FittedOn(
            seed=options.seed,
            style=PhantomStyle.TUNED,
            number=options.number,
            rows=len(rows),
            note="with mask, as drawn and in worse copies" if given else "as detected by models of the other half",
        ),
        classes=[value for value in SIGN_VALUES[sign] if value in true],
        balanced=True,
    )


if __name__ == "__main__":
    sys.exit(main())
