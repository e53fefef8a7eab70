"""In which shares each style draws each attribute: a deck of cards for each, dealt evenly."""

from dataclasses import dataclass

from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    PhantomStyle,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
)


@dataclass(frozen=True)
class Shares:
    """One deck an attribute; a card that is in it twice is drawn twice as often."""

    sequences: tuple[MRSequence, ...]
    planes: tuple[Plane, ...]
    shapes: tuple[Shape, ...]
    margins: tuple[Margins, ...]
    textures: tuple[Texture, ...]
    enhancements: tuple[Enhancement, ...]
    edemas: tuple[Edema, ...]
    signals: tuple[SignalIntensity, ...]
    sizes: tuple[LesionSize, ...]
    spreads: tuple[LesionSpread, ...]
    spreads_metastasis: tuple[LesionSpread, ...]


SOLITARY, SATELLITES, SCATTERED = (
    LesionSpread.SOLITARY,
    LesionSpread.DOMINANT_WITH_SATELLITES,
    LesionSpread.SCATTERED,
)
SHARES = {
    PhantomStyle.TUNED: Shares(
        sequences=tuple(MRSequence),
        planes=(Plane.AXIAL, Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL),
        shapes=(Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR),
        margins=tuple(Margins),
        # Ring and patchy enhancement and mixed signal are heterogeneous by definition, hence two to one.
        textures=(Texture.HOMOGENEOUS, Texture.HOMOGENEOUS, Texture.HETEROGENEOUS),
        enhancements=(Enhancement.SOLID, Enhancement.RING, Enhancement.PATCHY, Enhancement.ABSENT),
        edemas=(Edema.ABSENT, Edema.MILD, Edema.EXTENSIVE),
        signals=tuple(SignalIntensity),
        sizes=tuple(LesionSize),
        spreads=(*(SOLITARY,) * 4, SATELLITES, SCATTERED),
        spreads_metastasis=(SCATTERED, SCATTERED, SATELLITES, SOLITARY),
    ),
    PhantomStyle.HELD_OUT: Shares(
        sequences=(MRSequence.T1, MRSequence.T1CE, MRSequence.T1CE, MRSequence.T2, MRSequence.FLAIR, MRSequence.FLAIR),
        planes=(Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL),
        shapes=(Shape.ROUND, Shape.OVAL, *(Shape.LOBULATED,) * 2, *(Shape.IRREGULAR,) * 3),
        margins=(Margins.WELL_CIRCUMSCRIBED, Margins.ILL_DEFINED, Margins.ILL_DEFINED),
        textures=(Texture.HOMOGENEOUS, Texture.HETEROGENEOUS),
        enhancements=(
            Enhancement.SOLID,
            *(Enhancement.RING,) * 3,
            *(Enhancement.PATCHY,) * 2,
            *(Enhancement.ABSENT,) * 2,
        ),
        edemas=(Edema.ABSENT, *(Edema.MILD,) * 3, *(Edema.EXTENSIVE,) * 2),
        signals=(
            *(SignalIntensity.HYPERINTENSE,) * 3,
            SignalIntensity.HYPOINTENSE,
            SignalIntensity.ISOINTENSE,
            *(SignalIntensity.MIXED,) * 2,
        ),
        sizes=(*(LesionSize.SMALL,) * 2, *(LesionSize.MEDIUM,) * 2, LesionSize.LARGE),
        spreads=(*(SOLITARY,) * 3, SATELLITES, SCATTERED, SCATTERED),
        spreads_metastasis=(SCATTERED, SATELLITES, SOLITARY),
    ),
}
