"""Every medical word of the project: its canonical token, meaning, source, spellings and aliases.

>>> recode(MRSequence, "T1C+")
<MRSequence.T1CE: 't1ce'>
>>> recode(MRSequence, "diffusion") is None
True
>>> coarser(Enhancement.RING)
<Enhancement.PRESENT: 'present'>
"""

from neuroonco.vocabulary.physics import assessable
from neuroonco.vocabulary.recoder import (
    SIGN_VALUES,
    Term,
    coarsenings,
    coarser,
    display,
    enum_of,
    interop,
    load_terms,
    recode,
    term,
)
from neuroonco.vocabulary.terms import (
    AuditAction,
    AuditDecision,
    DropReason,
    DuplicateKind,
    Edema,
    Enhancement,
    ImageRegion,
    Laterality,
    LesionSize,
    LesionSpread,
    Margins,
    MaskKind,
    MeasureFrame,
    MRSequence,
    PatientSide,
    Plane,
    PredictionStatus,
    QualityFlag,
    QuestionType,
    ReadingKind,
    Redistribution,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    TumorType,
)

__all__ = [
    "SIGN_VALUES",
    "AuditAction",
    "AuditDecision",
    "DropReason",
    "DuplicateKind",
    "Edema",
    "Enhancement",
    "ImageRegion",
    "Laterality",
    "LesionSize",
    "LesionSpread",
    "MRSequence",
    "Margins",
    "MaskKind",
    "MeasureFrame",
    "PatientSide",
    "Plane",
    "PredictionStatus",
    "QualityFlag",
    "QuestionType",
    "ReadingKind",
    "Redistribution",
    "Shape",
    "Sign",
    "SignalIntensity",
    "Term",
    "Texture",
    "TumorType",
    "assessable",
    "coarsenings",
    "coarser",
    "display",
    "enum_of",
    "interop",
    "load_terms",
    "recode",
    "term",
]
