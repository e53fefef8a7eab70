"""Where a mask is a volume, the lesion's extent in space is told beside what the slice shows."""

from pathlib import Path

import numpy as np
import pytest

from factories_volumes import affine_lps, head_lps, write_nifti
from neuroonco.catalog.records import MaskRef
from neuroonco.curate.records import CuratedSlice
from neuroonco.rules import load_rules
from neuroonco.semantics.describe import describe
from neuroonco.semantics.measure import measure_slices
from neuroonco.vocabulary import Laterality, MaskKind, MeasureFrame, PatientSide, Plane


def test_volume_and_extent_come_from_the_whole_mask(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    image, seg = head_lps(lesion_value=300)
    spacing = (1.0, 1.5, 4.0)
    write_nifti(tmp_path / "c_flair.nii.gz", image, affine_lps(spacing))
    write_nifti(tmp_path / "c_seg.nii.gz", seg, affine_lps(spacing))
    record = CuratedSlice(
        slice_id="s1",
        sample_id="a",
        source_id="x",
        image_path="c_flair.nii.gz",
        image_slice=7,
        image_sha256="0" * 64,
        height_px=48,
        width_px=40,
        channels=1,
        bit_depth=16,
        plane=Plane.AXIAL,
        spacing_mm=(1.5, 1.0),
        thickness_mm=4.0,
        display_left=PatientSide.RIGHT,
        mask=MaskRef(path="c_seg.nii.gz", kind=MaskKind.LABELS, lesion_values=(1, 2, 4), slice_index=7),
    )
    outcome = measure_slices([record], root=tmp_path, rules=load_rules("default"))
    assert outcome.quarantined == []
    found = outcome.kept[0].semantics
    assert found is not None
    assert found.volume_mm3 == pytest.approx(np.count_nonzero(seg) * 6.0)
    assert found.extent_mm == (10.0, 18.0, 16.0)
    assert found.slice_count == 4
    assert found.area_mm2 == pytest.approx(np.count_nonzero(seg[:, :, 7]) * 1.5)
    assert (found.frame, found.side) == (MeasureFrame.BRAIN_BOX, Laterality.RIGHT)
    assert describe(outcome.kept[0]).endswith(f"in the whole volume has {found.volume_mm3 / 1000:.1f} ml.")
