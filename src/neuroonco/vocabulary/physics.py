"""What MR physics lets be read on which sequence: stated once, for readers, auditors and question makers."""

from neuroonco.vocabulary.terms import MRSequence, Sign


def assessable(sign: Sign, sequence: MRSequence | None) -> bool:
    """Whether a sign can be read on a sequence; None is an unknown sequence.

    Enhancement needs T1 with contrast, edema T2 or FLAIR. Signal against white matter needs a known sequence, and
    on T1 with contrast it would describe the enhancement once more.

    Source: MM-NeuroOnco v1.0, physics of the readings.

    >>> assessable(Sign.ENHANCEMENT, MRSequence.T1), assessable(Sign.EDEMA, MRSequence.FLAIR)
    (False, True)
    """
    if sign is Sign.ENHANCEMENT:
        return sequence is MRSequence.T1CE
    if sign is Sign.EDEMA:
        return sequence in (MRSequence.T2, MRSequence.FLAIR)
    if sign is Sign.SIGNAL_INTENSITY:
        return sequence is not None and sequence is not MRSequence.T1CE
    return True
