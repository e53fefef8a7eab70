"""The reply parser: one chosen option or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.predict.parse import MAX_REPLY_CHARS, read_letter

TYPES = {"A": "Glioma", "B": "Meningioma", "C": "Metastasis", "D": "Ependymoma", "E": "None of the above"}
SEQUENCES = {"A": "T1", "B": "T1 with contrast", "C": "T2", "D": "FLAIR", "E": "None of the above"}
BINARY = {"A": "Abnormal", "B": "Healthy"}
TWICE = {"A": "Glioma", "B": "Meningioma", "C": "Glioma", "D": "Ependymoma", "E": "None of the above"}

CHOSEN = [
    ("C", "C"),
    (" c ", "C"),
    ("(C)", "C"),
    ("[C]", "C"),
    ("C.", "C"),
    ("c)", "C"),
    ("**C**", "C"),
    ("`C`", "C"),
    ("Ｃ", "C"),
    ("（Ｃ）。", "C"),
    ("C. Metastasis", "C"),
    ("(C) metastasis.", "C"),
    ("C: Metastasis", "C"),
    ("C Metastasis", "C"),
    ("- **C.** Metastasis", "C"),
    ("Metastasis", "C"),
    ("metastasis.", "C"),
    ('"Metastasis"', "C"),
    ("**Answer:** (C)", "C"),
    ("Answer: C", "C"),
    ("answer: c", "C"),
    ("Answer：Ｃ", "C"),
    ("**Answer:**\n\n(C)", "C"),
    ("Answer: C. Metastasis", "C"),
    ("Answer: Metastasis", "C"),
    ("The answer is metastasis, because there are several foci.", "C"),
    ("Final: D\nExplanation: the lesion lies in the fourth ventricle.", "D"),
    ("Final: D\nExplanation: A glioma would look different.", "D"),
    ("Final answer: **D**", "D"),
    (r"\boxed{C}", "C"),
    (r"Therefore the answer is $\boxed{\text{C}}$.", "C"),
    ('{"answer": "C"}', "C"),
    ('```json\n{"answer": "C", "confidence": 0.4}\n```', "C"),
    ('{"Final_Answer": "C. Metastasis"}', "C"),
    ('Here it is: {"answer": "C"}', "C"),
    ("the answer is C", "C"),
    ("The correct answer is (C).", "C"),
    ("The correct option is C, since the foci are many.", "C"),
    ("The answer is most likely C.", "C"),
    ("The answer is C because of the foci.", "C"),
    ("The answer is option C.", "C"),
    ("I would choose C.", "C"),
    ("C is correct.", "C"),
    ("C is the correct answer", "C"),
    ("A large lesion with ring enhancement is seen, so the answer is C", "C"),
    ("A large lesion is seen.\nC", "C"),
    ("C\nA large lesion is seen.", "C"),
    ("C. Metastasis. Several foci are seen.", "C"),
    ("I am not sure, but the answer is C.", "C"),
    ("A. Glioma\nB. Meningioma\nC. Metastasis\nD. Ependymoma\nE. None of the above\n\nAnswer: C", "C"),
    ("<think>Could it be A? The answer is B.</think>\nC", "C"),
    ("E", "E"),
    ("None of the above", "E"),
    ("E. none of the above.", "E"),
    ("Answer: None of the above", "E"),
]

NOT_CHOSEN = [
    "",
    "   ",
    "I cannot determine",
    "I cannot determine the answer from this image.",
    "(e.g. check quota)",
    "Error: request failed (e.g. check quota)",
    "Unable to answer",
    "the answer is e.g. unclear",
    "The answer is E.g. this",
    "Pituitary adenoma",
    "None",
    "none of these",
    "A large lesion",
    "A meningioma.",  # an article, or option A with the text of B: not clear
    "A large lesion with edema, a ring and a cyst",
    "The answer is a large lesion",
    "The answer is A large lesion",
    "A and C",
    "A, C",
    "AC",
    "C or D",
    "The answer is C or D",
    "The answer is C, D",
    "Answer: C/D",
    "Answer: (C) or (D)",
    '{"answer": ["C", "D"]}',
    '{"answer": "C or D"}',
    '{"answer": null}',
    '{"diagnosis": "C"}',
    '{"answer": "C", "final": "D"}',
    "Answer: A, B, C, D or E?",
    "Is the answer C?",
    "The answer is not C",
    "I do not think the answer is C",
    "I would not choose C",
    "If the ring were closed, the answer is C",
    "Neither B nor C is correct",
    "A or B is correct",
    "C\nThe answer is D",
    "Final: C\nFinal: D",
    "F",
    "Answer: F",
    "C. Glioma",
    "Answer: C. Glioma",
    "This is not a glioma.",
    "It might be a glioma or a meningioma",
    "A. Glioma\nB. Meningioma\nC. Metastasis\nD. Ependymoma\nE. None of the above",
    "A. Glioma: fits well\nB. Meningioma",
    "E. coli abscess",
    "<think>The answer is C",
    "С",  # Cyrillic
]


@pytest.mark.parametrize(("reply", "letter"), CHOSEN)
def test_a_chosen_option_is_read(reply: str, letter: str) -> None:
    assert read_letter(reply, "ABCDE", TYPES) == letter


@pytest.mark.parametrize("reply", NOT_CHOSEN)
def test_everything_else_is_unreadable(reply: str) -> None:
    assert read_letter(reply, "ABCDE", TYPES) is None


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("T1", "A"),
        ("t1 with contrast", "B"),
        ("T1-with-contrast", "B"),
        ("T1-weighted", None),
        ("T1+C", None),
        ("The answer is T1 with contrast.", "B"),
        ("B. T1", None),
        ("B. T1 with contrast", "B"),
        ("flair", "D"),
    ],
)
def test_the_longest_option_text_is_read(reply: str, letter: str | None) -> None:
    assert read_letter(reply, "ABCDE", SEQUENCES) == letter


def test_an_unoffered_e_is_not_an_answer() -> None:
    assert read_letter("E", "AB", BINARY) is None
    assert read_letter("None of the above", "AB", BINARY) is None
    assert read_letter("glioma", "AB", BINARY) is None
    assert read_letter("Abnormal", "AB", BINARY) == "A"


def test_the_text_of_two_options_names_neither_unless_a_letter_says_which() -> None:
    assert read_letter("Glioma", "ABCDE", TWICE) is None
    assert read_letter("C. Glioma", "ABCDE", TWICE) == "C"


def test_a_reply_of_absurd_length_is_unreadable() -> None:
    assert read_letter("C" + " " * MAX_REPLY_CHARS, "ABCDE", TYPES) is None


def test_a_deeply_nested_reply_is_unreadable() -> None:
    assert read_letter('{"answer":' * 20_000, "ABCDE", TYPES) is None


@given(st.text(max_size=200))
def test_any_text_gives_an_offered_letter_or_nothing(text: str) -> None:
    assert read_letter(text, "ABCDE", TYPES) in {None, *"ABCDE"}


@given(st.text(alphabet="abcdxyz ,;", max_size=40), st.sampled_from("ABCDE"))
def test_a_marked_last_line_decides_over_prose(prose: str, letter: str) -> None:
    assert read_letter(f"The picture: {prose} x\nAnswer: {letter}", "ABCDE", TYPES) == letter
