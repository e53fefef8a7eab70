"""What a mask shows, in words (style ``default``)."""

from neuroonco.semantics.records import LesionPart, LesionSemantics
from neuroonco.vocabulary import ImageRegion, Laterality, LesionSpread, MeasureFrame, display

SIDES = {
    Laterality.LEFT: "on the patient's left",
    Laterality.RIGHT: "on the patient's right",
    Laterality.MIDLINE: "at the patient's midline",
    Laterality.BILATERAL: "on both sides of the patient",
}


def lesion_sentences(semantics: LesionSemantics) -> list[str]:
    """One sentence on number, size, shape and place of what a mask marks, and one on its measures where known."""
    words = _several(semantics) if len(semantics.lesions) > 1 else _one(semantics)
    if semantics.side is not None:
        words += f", {SIDES[semantics.side]}"
    return [words + ".", *_measures(semantics)]


def _one(semantics: LesionSemantics) -> str:
    adjectives = [display(t).lower() for t in (semantics.size, semantics.shape) if t is not None]
    noun = {
        LesionSpread.SCATTERED: "several lesions, the largest",
        LesionSpread.DOMINANT_WITH_SATELLITES: "one dominant lesion with satellites, the largest",
        LesionSpread.SOLITARY: "a single lesion",
        None: "a lesion",
    }[semantics.spread]
    # Without an outline (size and spread unknown) the place is from a box.
    words = f"The mask shows {noun}" if semantics.spread is not None else "A box marks a lesion"
    if adjectives:
        words += f" {', '.join(adjectives)}" if "largest" in noun else f", {', '.join(adjectives)}"
    if semantics.location is not None:
        words += f"; its center lies in the {place(semantics.location, semantics.frame)}"
    return words


def _several(semantics: LesionSemantics) -> str:
    count = len(semantics.lesions)
    satellites = f"{count - 1} satellites" if count > 2 else "a satellite"
    dominant = semantics.spread is LesionSpread.DOMINANT_WITH_SATELLITES
    words = f"The mask shows one dominant lesion with {satellites}" if dominant else f"The mask shows {count} lesions"
    if semantics.size is not None:
        words += f", together {display(semantics.size).lower()}"
    largest = "; the largest is " + ("" if semantics.shape is None else f"{display(semantics.shape).lower()} and ")
    words += f"{largest}centered in the {place(semantics.lesions[0].location, semantics.frame)}"
    elsewhere = _elsewhere(semantics.lesions)
    if not elsewhere:
        return f"{words}, as {'is the other' if count == 2 else 'are the others'}"
    return f"{words}, {'the other' if count == 2 else 'others'} in the {_listed(elsewhere)}"


def place(region: ImageRegion, frame: MeasureFrame | None) -> str:
    """A cell of the grid in words, which say what the grid lies over.

    >>> place(ImageRegion.UPPER_LEFT, MeasureFrame.CANVAS), place(ImageRegion.UPPER_LEFT, MeasureFrame.BRAIN_BOX)
    ('upper left of the image', 'upper left of the head as displayed')
    """
    words = display(region).lower()
    return words.replace("of the image", "of the head as displayed") if frame is MeasureFrame.BRAIN_BOX else words


def _elsewhere(lesions: tuple[LesionPart, ...]) -> list[str]:
    """Cells of the lesions after the largest that are not its own, in order of size."""
    regions = dict.fromkeys(part.location for part in lesions[1:] if part.location is not lesions[0].location)
    return [display(region).lower().removesuffix(" of the image") for region in regions]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _measures(semantics: LesionSemantics) -> list[str]:
    """Diameters of the largest lesion and volume of all, where the size of a pixel is known."""
    said = []
    if semantics.lesions and semantics.lesions[0].long_axis_mm is not None:
        largest = semantics.lesions[0]
        whose = "It" if len(semantics.lesions) == 1 else "The largest"
        said.append(f"{whose} measures {largest.long_axis_mm:.0f} x {largest.short_axis_mm:.0f} mm on this slice.")
    if semantics.volume_mm3 is not None:
        said.append(f"What is marked in the whole volume has {semantics.volume_mm3 / 1000:.1f} ml.")
    return said
