"""One pass over catalogue and inspections: judge every picture, keep what the search for copies needs."""

from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.pictures import Picture, picture_of
from neuroonco.curate.quality import CurateRules, judge_quality, require_usable
from neuroonco.curate.records import QualityFinding
from neuroonco.errors import InputError
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import Quarantined, quarantine_slice
from neuroonco.vocabulary import MRSequence


@dataclass
class Survey:
    """What one pass over catalogue and inspections leaves of every usable slice.

    Attributes:
        pictures: in the order of the catalogue.
        contents: slice id, and hash of the file's bytes with the place of the picture in it.
        pixels: slice id, and hash of the gray values.
        fingerprints: perceptual hashes.
        patients: slice id, source id, the source's patient id.
        sequences: of slices of stated patients whose sequence is known: source, patient and sequence.
        findings: of each slice whose picture has a fault.
        quarantined: slices that cannot be used at all.
    """

    pictures: list[Picture] = field(default_factory=list)
    contents: list[tuple[str, str]] = field(default_factory=list)
    pixels: list[tuple[str, str]] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    patients: list[tuple[str, str, str | None]] = field(default_factory=list)
    sequences: dict[str, tuple[str, str, MRSequence]] = field(default_factory=dict)
    findings: dict[str, list[QualityFinding]] = field(default_factory=dict)
    quarantined: dict[str, Quarantined] = field(default_factory=dict)


def survey_slices(records: Path, inspections: Path, limits: CurateRules) -> Survey:
    """Judge every picture and keep what the search for copies needs.

    Raises:
        InputError: catalogue and inspections are not of the same slices.
    """
    survey = Survey()
    for record, inspection in zip_longest(store.stream(records, SliceRecord), store.stream(inspections, Inspection)):
        if record is None or inspection is None or record.slice_id != inspection.slice_id:
            there, here = ("nothing" if one is None else one.slice_id for one in (record, inspection))
            what = f"{here} where the catalogue has {there}"
            raise InputError("INSPECTIONS_OTHER", what, where=str(inspections), fix="catalogue again")
        try:
            require_usable(record, inspection.gray_range, limits)
        except InputError as error:
            survey.quarantined[record.slice_id] = quarantine_slice(error, record)
            continue
        findings = judge_quality(record, inspection.quality, limits)
        if findings:
            survey.findings[record.slice_id] = findings
        if any(finding.dropped for finding in findings):
            continue
        survey.pictures.append(picture_of(record))
        place = f"{record.image_channel}/{record.image_slice}"
        survey.contents.append((record.slice_id, f"{record.image_sha256}/{place}" if record.image_sha256 else ""))
        survey.pixels.append((record.slice_id, inspection.pixels_hash))
        survey.fingerprints.append(inspection.fingerprint)
        survey.patients.append((record.slice_id, record.source_id, record.patient_id))
        if record.patient_id is not None and record.sequence is not None:
            survey.sequences[record.slice_id] = (record.source_id, record.patient_id, record.sequence)
    return survey
