"""What names say in the reference's layout: sequence, number of the source, whether a file is an image.

Source: MM-NeuroOnco v1.0, metadata extraction.
"""

import re
from pathlib import PurePosixPath

from neuroonco import images
from neuroonco.vocabulary import MRSequence

Spellings = tuple[tuple[MRSequence, tuple[str, ...]], ...]
WITH_GD: Spellings = (
    (MRSequence.T1CE, ("t1ce", "t1+c", "gd")),
    (MRSequence.FLAIR, ("flair",)),
    (MRSequence.T1, ("t1",)),
    (MRSequence.T2, ("t2",)),
)
WITHOUT_GD: Spellings = ((MRSequence.T1CE, ("t1ce", "t1+c")), *WITH_GD[1:])
T1CE_ONLY: Spellings = ((MRSequence.T1CE, ("t1ce",)), *WITH_GD[1:])


def sequence_in(text: str, spellings: Spellings = WITH_GD) -> MRSequence | None:
    """First sequence with a spelling that the text contains, in the order of the spellings.

    >>> sequence_in("Schwannoma_T1+C_12.png"), sequence_in("T2_96.png"), sequence_in("x.png")
    (<MRSequence.T1CE: 't1ce'>, <MRSequence.T2: 't2'>, None)
    """
    low = text.lower()
    return next((sequence for sequence, words in spellings if any(word in low for word in words)), None)


def leading_number(name: str) -> int | None:
    """The number with which a source folder's name starts.

    >>> leading_number("16_t1_t2_mask"), leading_number("05"), leading_number("t1_16")
    (16, 5, None)
    """
    found = re.match(r"[0-9]+", name)
    return None if found is None else int(found[0])


def is_image_name(path: str) -> bool:
    """True for an ending that the layout reads as an image."""
    return path.lower().endswith(images.IMAGE_SUFFIXES)


def stem_of(path: str) -> str:
    """File name without its ending."""
    return PurePosixPath(path).stem


def source_id_of(folder: str) -> str:
    """The leading number as spelled, e.g. ``05``, or ``reference``.

    >>> source_id_of("05_t1_mask"), source_id_of("extra")
    ('05', 'reference')
    """
    found = re.match(r"[0-9]+", folder)
    return "reference" if found is None else found[0]
