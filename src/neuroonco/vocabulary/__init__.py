"""Every medical word of the project: its canonical token, meaning, source, spellings and aliases.

>>> recode(MRSequence, "T1C+")
<MRSequence.T1CE: 't1ce'>
>>> recode(MRSequence, "diffusion") is None
True
>>> coarser(Enhancement.RING)
<Enhancement.PRESENT: 'present'>
"""

from neuroonco.vocabulary.confusion import confusion_groups
from neuroonco.vocabulary.physics import assessable
from neuroonco.vocabulary.recoder import (
    SIGN_VALUES,
    Term,
    coarsenings,
    coarser,
    comparable,
    display,
    enum_of,
    interop,
    load_terms,
    recode,
    term,
)
from neuroonco.vocabulary.terms import (
    Edema,
    Enhancement,
    HardCase,
    ImageRegion,
    Laterality,
    LesionBasis,
    LesionSize,
    LesionSpread,
    Margins,
    MaskKind,
    MeasureFrame,
    MRSequence,
    PatientSide,
    PhantomStyle,
    Plane,
    QuestionType,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    TumorType,
)
from neuroonco.vocabulary.work_terms import (
    AuditAction,
    AuditDecision,
    CallStatus,
    ConflictKind,
    DropReason,
    DuplicateKind,
    PairFault,
    PredictionStatus,
    QualityFlag,
    ReadingKind,
    Redistribution,
)

__all__ = [
    "SIGN_VALUES",
    "AuditAction",
    "AuditDecision",
    "CallStatus",
    "ConflictKind",
    "DropReason",
    "DuplicateKind",
    "Edema",
    "Enhancement",
    "HardCase",
    "ImageRegion",
    "Laterality",
    "LesionBasis",
    "LesionSize",
    "LesionSpread",
    "MRSequence",
    "Margins",
    "MaskKind",
    "MeasureFrame",
    "PairFault",
    "PatientSide",
    "PhantomStyle",
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
    "comparable",
    "confusion_groups",
    "display",
    "enum_of",
    "interop",
    "load_terms",
    "recode",
    "term",
]
