"""Precision of the measuring reader on phantoms of a seed that it was not fitted to."""

from collections import Counter

import numpy as np
import pytest

from neuroonco.fusion.fuse import fuse_pair
from neuroonco.fusion.records import FusedLabel
from neuroonco.intervals import wilson
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.readings.logistic import load_fitted
from neuroonco.readings.measuring import SliceFindings, read_slice_twice
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import LesionBasis, PhantomStyle, ReadingKind, Sign, coarsenings

RULES = load_rules("default").section("read", ReadRules)
SEED = 5
"""Neither the seed of the fit (1) nor those of the published figures (2, 3)."""
SLICES = 48


def record(kind: ReadingKind, findings: SliceFindings) -> LesionReading:
    values = {name: getattr(findings, name) for name in SliceFindings.model_fields}
    return LesionReading(slice_id="x", sample_id="x", kind=kind, reader="measuring", **values)


@pytest.fixture(scope="module")
def phantoms() -> list:
    return [p for p in (draw_phantom(SEED, number) for number in range(SLICES)) if p.mask is not None]


@pytest.fixture(scope="module")
def read(phantoms: list) -> list:
    return [read_slice_twice(p.image, p.mask, RULES, p.truth.sequence) for p in phantoms]


def right(value: object, truth: object) -> bool:
    return truth is not None and value in coarsenings(truth)


@pytest.mark.parametrize("kind", list(ReadingKind))
def test_one_reading_with_mask(kind: ReadingKind, phantoms: list, read: list) -> None:
    said, true = Counter(), Counter()
    for phantom, both in zip(phantoms, read, strict=True):
        found = both[kind]
        assert (found.lesion_found, found.lesion_basis) == (True, LesionBasis.MASK)
        for sign in Sign:
            value, sure = found.signs.get(sign), found.confidences.get(sign)
            assert (value is None) == (sure is None)
            if value is not None:
                assert RULES.sure_from(sign, kind, LesionBasis.MASK) - 1e-4 <= sure <= 1
                said[sign] += 1
                true[sign] += right(value, phantom.truth.signs.get(sign))
    assert min(said[sign] for sign in (Sign.SHAPE, Sign.MARGINS, Sign.TEXTURE)) >= 0.6 * len(phantoms)
    assert wilson(sum(true.values()), sum(said.values())).low > 0.8


def test_both_readings_together_with_mask(phantoms: list, read: list) -> None:
    said = true = asked = 0
    for phantom, both in zip(phantoms, read, strict=True):
        label = fuse_pair(*(record(kind, findings) for kind, findings in both.items()))
        assert isinstance(label, FusedLabel)
        for sign in Sign:
            value, truth = label.signs.get(sign), phantom.truth.signs.get(sign)
            asked += truth is not None
            said += value is not None
            true += value is not None and right(value, truth)
    assert wilson(true, said).low > 0.9
    assert 1 - said / asked < 0.3


def test_confidences_mean_something(phantoms: list, read: list) -> None:
    sure, unsure = [], []
    for phantom, both in zip(phantoms, read, strict=True):
        for findings in both.values():
            for sign in Sign:
                value, confidence = findings.signs.get(sign), findings.confidences.get(sign)
                if value is not None:
                    (sure if confidence > 0.95 else unsure).append(right(value, phantom.truth.signs.get(sign)))
    assert np.mean(sure) > np.mean(unsure) + 0.05
    assert np.mean(sure) > 0.94


def test_without_mask_a_reported_lesion_is_mostly_there() -> None:
    reported, agreed = [], 0
    for phantom in (draw_phantom(SEED, number) for number in range(14)):
        both = read_slice_twice(phantom.image, None, RULES, phantom.truth.sequence)
        for kind, findings in both.items():
            if findings.lesion_found:
                reported.append(phantom.mask is not None)
                assert findings.lesion_basis is LesionBasis.DETECTED
                assert 0 < findings.lesion_confidence <= 1
                top, left, bottom, right_edge = findings.lesion_box
                assert 0 <= top < bottom <= 256
                assert 0 <= left < right_edge <= 256
            else:
                assert findings.lesion_found is None
                assert findings.abstained is not None
                assert findings.signs == Signs()
            for sign in Sign:
                sure = findings.confidences.get(sign)
                assert (findings.signs.get(sign) is None) == (sure is None)
                assert sure is None or sure >= RULES.sure_from(sign, kind, LesionBasis.DETECTED) - 1e-4
        agreed += all(f.lesion_found for f in both.values())
    assert agreed >= 1
    assert np.mean(reported) >= 0.8


@pytest.mark.parametrize("basis", [LesionBasis.MASK, LesionBasis.DETECTED])
def test_the_models_were_fitted_to_another_seed_and_to_the_tuned_style(basis: LesionBasis) -> None:
    for sign in ("shape", "margins", "texture", "enhancement", "signal_intensity", "edema_t2", "edema_flair"):
        for kind in ReadingKind:
            model = load_fitted(f"{sign}_{kind}_{basis}")
            assert model.fitted_on.seed == 1
            assert model.fitted_on.style is PhantomStyle.TUNED
