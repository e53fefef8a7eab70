"""Short statements of answers that no spelling of the vocabulary covers: spread, place and size in everyday words."""

from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.score.open.attributes import asked, match
from neuroonco.score.open.naming import LONGEST_TEXT_CHARS, named_in_text, plain
from neuroonco.score.open.records import Verdict
from neuroonco.score.open.statements import named_values, read_statements
from neuroonco.vocabulary import ImageRegion, LesionSize, LesionSpread, Shape
from open_answers import item

DOMINANT, SOLITARY, SCATTERED, MULTIPLE = "dominant_with_satellites", "solitary", "scattered", "multiple"
SPREADS: tuple[tuple[str, str | None], ...] = (
    # --- a dominant lesion with satellites ---
    ("A dominant core with satellite components: three components are detected.", DOMINANT),
    ("The glioma has a dominant core with small satellite components.", DOMINANT),
    ("There is a dominant core with smaller satellite foci; it is not solitary.", DOMINANT),
    ("It consists of a dominant core accompanied by tiny satellite lesions.", DOMINANT),
    ("A main mass and some additional satellite nodules are visible.", DOMINANT),
    ("Primary tumor in the left frontal lobe plus two satellites.", DOMINANT),
    ("The largest component makes up 97.4% of the area, with satellite deposits beside it.", DOMINANT),
    ("Several satellite foci surround a dominant mass.", DOMINANT),
    ("Small satellites around a large dominant core.", DOMINANT),
    ("Predominantly solitary, with a dominant core and minor satellite components.", DOMINANT),
    ("Multifocal: a main lesion with satellite lesions.", DOMINANT),
    ("The tumor is multifocal with satellite nodules.", DOMINANT),
    ("A dominant core with satellites rather than multiple equal foci.", DOMINANT),
    ("One dominant lesion plus multiple satellite components, a multifocal pattern, not strictly solitary.", DOMINANT),
    ("A mass with satellite lesions.", DOMINANT),
    ("Solitary, although small satellite foci are present.", None),
    ("A solitary dominant mass without satellite lesions.", SOLITARY),
    ("A single main mass; no satellite foci are seen.", SOLITARY),
    ("The main mass is solitary and satellites are not seen.", SOLITARY),
    # --- one ---
    ("There is one lesion.", SOLITARY),
    ("There is only one lesion.", SOLITARY),
    ("Only one lesion is seen.", SOLITARY),
    ("Just a single mass can be seen.", SOLITARY),
    ("One lesion only; no spread.", SOLITARY),
    ("One enhancing mass is visible.", SOLITARY),
    ("A single, medium lesion", SOLITARY),
    ("The single irregular lesion with mass effect supports glioma.", SOLITARY),
    ("The lesion is single and large.", SOLITARY),
    ("It is a lone, well-defined tumor.", SOLITARY),
    ("Number of lesions: 1", SOLITARY),
    ("Lesion count: one", SOLITARY),
    ("The tumor is unifocal.", SOLITARY),
    ("There is no evidence of multiple lesions.", SOLITARY),
    ("Multiple lesions are not identified.", SOLITARY),
    ("No other lesions are visible.", SOLITARY),
    ("No additional foci.", SOLITARY),
    ("I see exactly one mass, no others.", SOLITARY),
    ("A solitary glioma with multiple necrotic foci.", SOLITARY),
    ("A single lesion with multiple foci of hemorrhage.", SOLITARY),
    ("The glioma is solitary. Multiple metastases would look different.", SOLITARY),
    # --- more than one ---
    ("There are two lesions.", MULTIPLE),
    ("There are two lesions. No other lesions are seen.", MULTIPLE),
    ("Three separate enhancing masses.", MULTIPLE),
    ("More than one lesion is present.", MULTIPLE),
    ("There is not only one lesion; several foci are visible.", MULTIPLE),
    ("Not a single lesion but several foci.", MULTIPLE),
    ("It shows multiple components.", MULTIPLE),
    ("The lesions are multiple.", MULTIPLE),
    ("Number of lesions: 3", MULTIPLE),
    ("There appear to be at least three separate enhancing lesions.", MULTIPLE),
    ("Both lesions are round.", MULTIPLE),
    ("Several lesions, multifocal.", SCATTERED),
    # --- neither ---
    ("One lesion is seen on the left, another on the right.", None),
    ("The lesion is close to multiple vessels.", None),
    ("A grade 2 tumor with multiple components, solid and cystic.", None),
    ("At least one lesion is present.", None),
    ("There is one or more lesions.", None),
    ("A cyst with a single enhancing focus within the wall.", None),
    ("This single axial slice shows a mass in the brain.", None),
    ("These two axial slices show lesions.", None),
    ("I cannot tell whether there is one lesion or several lesions.", None),
    ("On every single slice the mass is bright.", None),
    ("It could be a single lesion or two lesions.", None),
)
PLACES: tuple[tuple[str, str | None], ...] = (
    ("It lies in the upper central part of the image.", "upper_center"),
    ("Lower-central region.", "lower_center"),
    ("In the central lower part.", "lower_center"),
    ("The left central region of the image.", "center_left"),
    ("central-right", "center_right"),
    ("It lies in the right-central portion.", "center_right"),
    ("The lesion is slightly left of the center of the image.", "center_left"),
    ("Just to the right of center.", "center_right"),
    ("The lesion lies to the right of the image center.", "center_right"),
    ("It lies a little above the center.", "upper_center"),
    ("The mass lies below center.", "lower_center"),
    ("To the upper left of the center.", "upper_left"),
    ("Below and to the right of the center of the image.", "lower_right"),
    ("Low in the center of the picture.", "lower_center"),
    ("In the center of the left half of the image.", "center_left"),
    ("In the middle of the upper third.", "upper_center"),
    ("In the lower part of the image, centrally.", "lower_center"),
    ("On the right side of the image, at mid-height.", "center_right"),
    ("Off-center to the left.", "left_side"),
    ("The upper centre of the picture.", "upper_center"),
    ("It is mid-left.", "center_left"),
    ("The lesion is in the upper left quadrant, left of center.", "upper_left"),
    ("Middle of the picture.", "center"),
    ("The lesion is in the center.", "center"),
    ("It sits centrally, slightly left of the midline.", "center"),
    ("The lesion is large, round to oval, multifocal, and central.", "center"),
    ("The mass is irregular, central, and large.", "center"),
    ("It is not left of the center but in the upper left of the image.", "upper_left"),
    ("Not in the upper central part but in the lower left.", "lower_left"),
    ("In the posterior central region.", None),
    ("Near the left central sulcus.", None),
    ("In the right middle cranial fossa.", None),
    ("In the center of the left hemisphere.", None),
    ("A cyst lies left of the center of the lesion.", None),
    ("The necrosis is large, irregular and central.", None),
    ("The lesion extends from the center into the upper right.", None),
)
SIZES: tuple[tuple[str, str | None], ...] = (
    ("Medium (1–5% of the image area).", "medium"),
    ("Medium, about 3% of the image.", "medium"),
    ("Small; 0.4 % of the area.", "small"),
    ("Large - 7% of the image.", None),
    ("It is large.", "large"),
    ("The tumor is classified as medium.", "medium"),
    ("The glioma is considered small.", "small"),
    ("The lesion is irregular, solitary, and small.", "small"),
    ("The tumor is neither small nor large; it is of medium size.", "medium"),
    ("It is tiny.", "small"),
    ("It covers 2-3% of the image, so medium.", "medium"),
    ("The tumor is intermediate in size.", "medium"),
    ("A moderately large tumor.", None),
    ("It does not support glioma: the lesion is small and round.", "small"),
    ("It is not small.", None),
    ("The lesion is not large.", None),
    ("Small vessels are visible.", None),
    ("It is small vessel disease.", None),
)
SHAPES: tuple[tuple[str, str | None], ...] = (
    ("The lesion is irregularly shaped.", "irregular"),
    ("An irregularly-shaped mass.", "irregular"),
    ("Smooth, rounded margins.", "round"),
    ("The lesion has a rounded contour.", "round"),
    ("A lobulated outline, not smooth and round.", "lobulated"),
    ("It is lobulated rather than smooth and round.", "lobulated"),
    ("The margins show lobulation.", "lobulated"),
    ("The mass has multiple lobules.", "lobulated"),
    ("Its outline shows spiculation.", "irregular"),
    ("Smooth margins without irregularity or spiculation.", None),
    ("An outline without lobulations.", None),
)


def rows(enum: type[StrEnum], table: tuple[tuple[str, str | None], ...]) -> list[tuple[type[StrEnum], str, str | None]]:
    return [(enum, text, token) for text, token in table]


@pytest.mark.parametrize(
    ("enum", "text", "token"),
    [
        *rows(LesionSpread, SPREADS),
        *rows(ImageRegion, PLACES),
        *rows(LesionSize, SIZES),
        *rows(Shape, SHAPES),
    ],
)
def test_what_everyday_words_state(enum: type[StrEnum], text: str, token: str | None) -> None:
    assert read_statements(text).stated.get(enum) == token


@pytest.mark.parametrize(
    ("enum", "text", "tokens"),
    [
        (LesionSize, "It is not small.", {"small"}),
        (LesionSize, "The lesion is not large.", {"large"}),
        (Shape, "Smooth margins without irregularity or spiculation.", {"irregular"}),
        (LesionSpread, "There is no dominant core with satellites.", {DOMINANT}),
        (LesionSpread, "It does not show a main mass with satellite nodules.", {DOMINANT}),
        (LesionSpread, "The tumor is not a single lesion.", {SOLITARY}),
        (ImageRegion, "It is not in the upper central part.", {"upper_center"}),
    ],
)
def test_what_everyday_words_deny(enum: type[StrEnum], text: str, tokens: set[str]) -> None:
    found = read_statements(text)
    assert enum not in found.stated
    assert found.denied[enum] == tokens


# --- against references ---


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("A dominant core with satellites.", Verdict.RIGHT),
        ("A main mass with several satellite nodules.", Verdict.RIGHT),
        ("It is multifocal.", Verdict.OMITTED),
        ("There are two lesions.", Verdict.OMITTED),
        ("It is a solitary lesion.", Verdict.CONTRADICTED),
        ("No satellite lesions.", Verdict.CONTRADICTED),
    ],
)
def test_satellites_win_over_the_words_beside_them(answer: str, verdict: Verdict) -> None:
    reference = "It appears multifocal: a dominant core with satellite components rather than a strictly solitary mass."
    assert match(item(reference), answer).verdicts[LesionSpread] is verdict


def test_what_a_reference_says_in_passing_does_not_contradict_it() -> None:
    primarily = item("A dominant core with satellite foci, indicating a primarily solitary dominant mass.")
    assert match(primarily, "It is a solitary lesion.").verdicts[LesionSpread] is Verdict.OMITTED
    assert match(primarily, "It is multifocal.").verdicts[LesionSpread] is Verdict.CONTRADICTED


@pytest.mark.parametrize("cell", ["upper_center", "lower_center", "center_left", "center_right"])
def test_a_cell_by_its_other_name_is_no_center(cell: str) -> None:
    side = cell.replace("center", "").strip("_")
    answer = f"The lesion is in the {side} central part of the image."
    reference = f"It lies in the {cell.replace('_', ' ')} of the image."
    assert match(item(reference), answer).verdicts[ImageRegion] is Verdict.RIGHT
    center = item("It lies in the center of the image.")
    assert match(center, answer).verdicts[ImageRegion] is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    "question",
    [
        "Is the glioma solitary or does it show multiple foci?",
        "Does the glioma appear as a solitary mass or are there multiple distinct lesions present in the image?",
        "From the spread information, is the glioma solitary or does it show multiple components?",
        "Is the glioma solitary, or is there more than one focus?",
        "Does the glioma look solitary or otherwise?",
        "Say whether the glioma is a single lesion or has spread.",
        "Is the glioma one solitary mass or several?",
        "Would you call the glioma unifocal or not?",
    ],
)
def test_a_question_that_offers_an_alternative_gives_nothing_away(question: str) -> None:
    wanted = asked(item("It is a solitary glioma.", question))
    assert wanted.truth == {LesionSpread: SOLITARY}
    assert wanted.given_terms == 1
    assert match(item("It is a solitary glioma.", question), question).verdicts[LesionSpread] is not Verdict.RIGHT


@pytest.mark.parametrize(
    "question",
    [
        "How does the solitary lesion support the diagnosis?",
        "Is the solitary lesion in the left half of the image or in its right half?",
        "Which signs of the solitary mass speak for or against a glioma?",
    ],
)
def test_a_question_that_names_a_value_gives_it_away(question: str) -> None:
    assert named_values(question)[LesionSpread] == SOLITARY


# --- any text ---


@pytest.mark.parametrize("text", ["\n" * 9000 + "x", "\n- " * 3000, "T1-" * 3000, "no round, " * 900, "single " * 1200])
def test_hostile_texts_are_read_once(text: str) -> None:
    """No figure of time: texts that once took seconds would hold up the suite."""
    for n in range(2):
        assert len(named_in_text(plain(f"{text}{n}"))) <= LONGEST_TEXT_CHARS


WORDS = st.sampled_from(
    [
        *("a", "the", "only", "one", "single", "two", "lesion", "lesions", "mass", "core", "dominant", "main"),
        *("satellite", "satellites", "foci", "is", "are", "not", "no", "or", "and", "in", "of", "left", "right"),
        *("upper", "lower", "central", "center", "small", "medium", "large", "image", "multiple", "it"),
        *(",", ".", ";", ":", "(", "\u0131", "\u0130", "sma\u0131l", "r\u0131ght"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_any_words_can_be_read_and_denying_is_not_stating(text: str) -> None:
    found = read_statements(text)
    assert not set(found.stated) & set(found.ambiguous)
    assert all(token not in found.denied.get(enum, ()) for enum, token in found.stated.items())
