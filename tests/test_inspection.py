"""Inspection: what the catalogue looks at in passing is what a second look finds."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from neuroonco import images
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.scan import list_files
from neuroonco.inspection.inspect import inspect_slice, inspect_slices, pixels_hash
from neuroonco.sources import source
from neuroonco.walk.catalogue import INSPECTIONS, catalog_jobs, one_thread
from neuroonco.walk.profile import load_profile


def head(shift: int = 0) -> np.ndarray:
    rows, columns = np.mgrid[:160, :200]
    inside = ((rows - 80) / 60) ** 2 + ((columns - 100 - shift) / 70) ** 2 < 1
    return np.where(inside, 90 + (rows * 3 + columns * 5) % 60, 0).astype(np.uint8)


def record(path: Path, **fields: object) -> SliceRecord:
    given = {
        "slice_id": f"s-{path.name}", "sample_id": path.stem, "source_id": "01", "image_path": path.name,
        "image_sha256": "", "height_px": 160, "width_px": 200, "channels": 1, "bit_depth": 8,
    }  # fmt: skip
    return SliceRecord.model_validate({**given, **fields})


def test_the_pixels_decide_whatever_file_holds_them(tmp_path: Path) -> None:
    Image.fromarray(head()).save(tmp_path / "a.png")
    Image.fromarray(head()).convert("RGBA").save(tmp_path / "b.png")
    Image.fromarray(head()).save(tmp_path / "c.bmp")
    Image.fromarray(head(shift=1)).save(tmp_path / "d.png")
    outcome = inspect_slices([record(p) for p in sorted(tmp_path.iterdir())], root=tmp_path)
    a, b, c, d = outcome.kept
    assert a.pixels_hash == b.pixels_hash == c.pixels_hash != d.pixels_hash
    assert a.quality == b.quality == c.quality
    assert a.fingerprint == b.fingerprint == c.fingerprint
    assert inspect_slice("x", head()).pixels_hash == a.pixels_hash


def test_size_is_part_of_the_hash_and_memory_layout_is_not() -> None:
    picture = head()
    assert pixels_hash(picture) != pixels_hash(picture.reshape(200, 160))
    assert pixels_hash(np.asfortranarray(picture)) == pixels_hash(picture)
    wide = np.repeat(picture, 2, axis=1)
    assert pixels_hash(wide[:, ::2]) == pixels_hash(picture)


def test_color_is_looked_at_and_one_sequence_of_three_is_not_color(tmp_path: Path) -> None:
    colored = np.repeat(head()[..., None], 3, axis=2)
    colored[20:40, 20:40] = (255, 0, 0)
    Image.fromarray(colored).save(tmp_path / "a.png")
    whole, channel = inspect_slices(
        [record(tmp_path / "a.png"), record(tmp_path / "a.png", image_channel=1)], root=tmp_path
    ).kept
    assert whole.quality.color_excess > 100
    assert channel.quality.color_excess == 0
    assert channel.pixels_hash == pixels_hash(colored[..., 1])


def test_what_cannot_be_read_is_quarantined(tmp_path: Path) -> None:
    Image.fromarray(head()).save(tmp_path / "gray.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "gray.png").read_bytes()[:300])
    slices = [
        record(tmp_path / "torn.png"),
        record(tmp_path / "none.png"),
        record(tmp_path / "gray.png", image_channel=2),
        record(tmp_path / "gray.png", image_path="../gray.png"),
        record(tmp_path / "gray.png"),
    ]
    outcome = inspect_slices(slices, root=tmp_path)
    assert [i.slice_id for i in outcome.kept] == ["s-gray.png"]
    codes = [q.code for q in outcome.quarantined]
    assert codes == ["IMAGE_TRUNCATED", "FILE_MISSING", "CHANNEL_MISSING", "PATH_OUTSIDE_ROOT"]


def test_slices_of_one_file_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.repeat(head()[..., None], 3, axis=2)).save(tmp_path / "a.png")
    decoded: list[str] = []
    monkeypatch.setattr(images, "decode", lambda data, where: (decoded.append(where), DECODE(data, where))[1])
    inspect_slices([record(tmp_path / "a.png", image_channel=c) for c in range(3)], root=tmp_path)
    assert decoded == ["a.png"]


DECODE = images.decode


def test_the_catalogue_decodes_each_image_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole images are decoded by the catalogue alone, for its record and for the inspection."""
    decoded: list[str] = []
    for n in range(3):
        path = tmp_path / "Training" / "glioma_tumor" / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = BytesIO()
        Image.fromarray(head(n)).convert("RGB").save(buffer, "JPEG")
        path.write_bytes(buffer.getvalue())
    monkeypatch.setattr(images, "decode", lambda data, where: (decoded.append(where), DECODE(data, where))[1])
    jobs = [("01", f"Training/glioma_tumor/{n}.jpg") for n in range(3)]
    outcome = catalog_jobs(jobs, root=tmp_path, folders={"01": ""})
    assert decoded == [path for _, path in jobs]
    assert [i.slice_id for i in outcome.beside[INSPECTIONS]] == [r.slice_id for r in outcome.kept]


def test_real_slices_are_inspected_alike_in_passing_and_afterwards(real_root: Path) -> None:
    folders = dict(sorted(load_profile("real-samples").sources.items()))
    jobs = []
    for source_id, folder in folders.items():
        jobs += [(source_id, path) for path in list_files(real_root, source(source_id), folder).images[::12]]
    outcome = catalog_jobs(jobs, root=real_root, folders=folders)
    again = inspect_slices(outcome.kept, root=real_root)
    assert len(outcome.kept) > 50
    assert outcome.beside[INSPECTIONS] == again.kept
    assert again.quarantined == []


def test_threads_are_as_before_and_change_nothing(tmp_path: Path) -> None:
    Image.fromarray(head()).save(tmp_path / "a.png")
    before = cv2.getNumThreads()
    alone = inspect_slices([record(tmp_path / "a.png")], root=tmp_path).kept
    with one_thread():
        assert cv2.getNumThreads() == 1
        assert inspect_slices([record(tmp_path / "a.png")], root=tmp_path).kept == alone
    assert cv2.getNumThreads() == before
