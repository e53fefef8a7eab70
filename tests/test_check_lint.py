"""Faults of closed questions: each has its code, and the published file has those that are known."""

import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from factories_build import closed_items, skewed_labels
from neuroonco.build.interop import read_closed
from neuroonco.build.records import ANSWERS, ClosedItem, Option
from neuroonco.check.closed_lint import lint_closed, removed_still_offered
from neuroonco.check.images import path_names_answer, values_in_path
from neuroonco.check.meanings import NONE_MEANING, meaning_of, overlapping
from neuroonco.check.rules import CheckRules
from neuroonco.check.stems import named_in_stem
from neuroonco.rules import load_rules
from neuroonco.vocabulary import QuestionType
from neuroonco.vocabulary.concepts import uppers

RULES = load_rules("default")
CHECK = RULES.section("check", CheckRules).model_copy(update={"min_occurrences": 20, "min_questions": 30})


def item(number=0, *, options=("T2", "FLAIR", "T1"), answer="A", kind="modality", none=True, **changes):
    offered = [Option(letter=letter, text=text) for letter, text in zip("ABCD", options, strict=False)]
    if none:
        offered.append(Option(letter="E", text="None of the above"))
    fields = {
        "image_id": f"{number}",
        "q_index": 0,
        "slice_id": f"{number}",
        "image_path": f"{number}.png",
        "question_type": kind,
        "question": "Which?",
        "options": tuple(offered),
        "answer": answer,
        "label_source": "source",
    }
    return ClosedItem(**{**fields, **changes})


def found(items, root=None):
    return {finding.code: finding for finding in lint_closed(items, CHECK, root)}


def test_a_sound_question_has_no_finding():
    assert found([item()]) == {}


ERRORS = [
    (item(options=("T2", "T2", "T1"), answer="C"), "DUPLICATE_OPTION"),
    (item(options=("T2", "T2-weighted", "T1"), answer="C"), "DUPLICATE_OPTION"),
    (item(options=("DWI", "Diffusion-weighted imaging", "T1"), answer="C"), "DUPLICATE_OPTION"),
    (item(options=("gout", "Gout", "T1"), answer="C"), "DUPLICATE_OPTION"),
    (item(answer="D"), "ANSWER_NOT_OFFERED"),
    (item(answer="E", is_rejection=True, removed_answer="T1-weighted MRI"), "REMOVED_ANSWER_OFFERED"),
    (
        item(
            kind="diagnosis",
            options=("Glioblastoma", "Abscess"),
            answer="E",
            is_rejection=True,
            removed_answer="glioma",
        ),
        "REMOVED_ANSWER_OFFERED",
    ),
    (
        item(kind="enhancement", options=("Solid", "Present"), answer="E", is_rejection=True, removed_answer="Ring"),
        "REMOVED_ANSWER_OFFERED",
    ),
    (item(kind="enhancement", options=("Ring", "Present"), answer="A"), "ANSWER_NOT_UNIQUE"),
    (item(kind="diagnosis", options=("Neuronal tumor", "DNET"), answer="A"), "ANSWER_NOT_UNIQUE"),
    (
        item(kind="location", options=("Center-right region", "Right side of the image"), answer="A"),
        "ANSWER_NOT_UNIQUE",
    ),
    (item(answer="E"), "REJECTION_MISMARKED"),
    (item(is_rejection=True, removed_answer="DWI"), "REJECTION_MISMARKED"),
    (item(removed_answer="DWI"), "REJECTION_MISMARKED"),
    (item(options=("T2", "None of the above", "T1"), none=False), "NONE_NOT_LAST"),
    (item(options=("T2", "T1", "None of the above"), none=False), "NONE_NOT_LAST"),
    (item(question="Which sequence shows this glioma?"), "STEM_NAMES_FINDING"),
    (item(question="Which sequence is this FLAIR slice?"), "STEM_NAMES_FINDING"),
]


@pytest.mark.parametrize(("faulty", "code"), ERRORS, ids=[f"{code}-{n}" for n, (_, code) in enumerate(ERRORS)])
def test_each_fault_of_a_question_is_an_error_of_its_own(faulty, code):
    errors = [f for f in lint_closed([faulty, item(1)], CHECK) if f.level == "error"]
    assert [(f.code, f.n) for f in errors] == [(code, 1)]
    assert errors[0].examples[0].startswith("0#0: ")


@pytest.mark.parametrize(
    ("warned", "code"),
    [
        (item(kind="diagnosis", options=("Meningioma", "Glioma", "Glioblastoma")), "OVERLAPPING_OPTIONS"),
        (item(answer="E", is_rejection=True), "REMOVED_ANSWER_UNKNOWN"),
    ],
)
def test_warnings_of_a_question(warned, code):
    assert {(f.code, f.level, f.n) for f in lint_closed([warned], CHECK)} == {(code, "warning", 1)}


def test_two_questions_at_one_place_or_with_one_question():
    assert found([item(), item()])["ITEM_TWICE"].examples == ("0#0",)
    assert found([item(), item(q_index=1)])["ITEM_TWICE"].examples == ("0: Which?",)
    assert "ITEM_TWICE" not in found([item(), item(q_index=1, twin_of=0), item(q_index=2, question="What?")])


def test_spellings_and_one_sided_options_are_warnings():
    items = [item(i) for i in range(19)] + [item(19, options=("T2", "FLAIR MRI", "T1"))]
    seen = found(items)
    assert seen["SEVERAL_SPELLINGS"].examples == ("modality FLAIR: FLAIR | FLAIR MRI",)
    assert seen["ALWAYS_RIGHT"].examples == ("modality T2: 20 of 20",)
    assert seen["NEVER_RIGHT"].examples == ("modality None of the above: 0 of 20", "modality T1: 0 of 20")
    assert seen["UNBALANCED_LETTERS"].examples == ("3 options: A 20, B 0, C 0",)
    assert {f.level for f in seen.values()} == {"warning"}


def test_spellings_of_removed_answers_and_of_unknown_texts_count_too():
    items = [
        item(0, options=("T2", "a_b"), answer="E", is_rejection=True, removed_answer="FLAIR"),
        item(1, options=("T2", "A b"), answer="E", is_rejection=True, removed_answer="flair"),
    ]
    assert found(items)["SEVERAL_SPELLINGS"].examples == ("modality a b: A b | a_b", "modality FLAIR: FLAIR | flair")


def sized(values, **changes):
    """Questions whose right answers are these."""
    rest = ("Small", "Medium", "Large")
    return [
        item(n, kind="size", options=(value, *(r for r in rest if r != value)), **changes)
        for n, value in enumerate(values)
    ]


def test_answers_are_unbalanced_when_chance_does_not_explain_it():
    even = ["Small", "Medium", "Large"] * 20
    assert "UNBALANCED_ANSWERS" not in found(sized(even))
    skewed = ["Medium"] * 40 + ["Small"] * 10 + ["Large"] * 10
    assert found(sized(skewed))["UNBALANCED_ANSWERS"].examples == ("size, 'Which?': Medium 40, Small 10, Large 10",)


def test_removed_answers_count_as_answers_and_twins_do_not():
    plain = sized(["Medium"] * 20 + ["Small"] * 20)
    rejected = [
        item(n, kind="size", options=("Small", "Medium"), answer="E", is_rejection=True, removed_answer="Large")
        for n in range(40, 60)
    ]
    assert "UNBALANCED_ANSWERS" not in found(plain + rejected)
    twins = [one.model_copy(update={"q_index": 1, "twin_of": 0}) for one in plain[:20] * 5]
    assert "UNBALANCED_ANSWERS" not in found(plain + rejected + twins)


def test_hard_questions_are_balanced_within_their_mimics():
    def hard(values, start):
        return [
            one.model_copy(update={"is_hard": True, "image_id": f"{start + n}", "image_path": f"{start + n}.png"})
            for n, one in enumerate(
                item(kind="diagnosis", options=(value, "Metastasis" if value != "Metastasis" else "Glioma"))
                for value in values
            )
        ]

    groups = hard(["Meningioma", "Pituitary tumor", "Schwannoma"] * 40, 0) + hard(
        ["Embryonal tumor", "Ependymoma"] * 10, 900
    )
    assert "UNBALANCED_ANSWERS" not in found(groups)
    assert "UNBALANCED_ANSWERS" in found([one.model_copy(update={"is_hard": False}) for one in groups])


@pytest.mark.parametrize(("rejected", "flagged"), [(20, False), (50, True), (2, True)])
def test_the_share_of_rejection_items_is_held_against_the_rule(rejected, flagged):
    items = [
        item(n, answer="E", is_rejection=True, removed_answer="DWI") if n < rejected else item(n) for n in range(100)
    ]
    seen = found(items)
    assert ("REJECTION_SHARE" in seen) is flagged
    if flagged:
        assert seen["REJECTION_SHARE"].examples[0] == f"all: {rejected} of 100, the rule is 0.2"


def test_binary_questions_have_no_share_of_rejections():
    binary = [
        item(n, kind="diagnosis", options=("Healthy", "Abnormal"), answer="AB"[n % 2], none=False) for n in range(60)
    ]
    assert found(binary) == {}


# --- meanings ---


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        ("diagnosis", "Metastasis", "brain_metastasis"),
        ("diagnosis", "DNET", "dysembryoplastic_neuroepithelial_tumor"),
        ("diagnosis", "vestibular schwannoma", "Schwannoma"),
        ("diagnosis", "pituitary adenoma", "pituitary"),
        ("modality", "CT head without contrast", "Non-contrast CT"),
        ("modality", "T1_CE", "T1-weighted post-contrast"),
        ("size", "Small/Focal", "Small and focal"),
        ("spread", "Dominant Core with Satellites", "Dominant core with satellite foci"),
    ],
)
def test_spellings_of_one_thing(kind, a, b):
    kind = QuestionType(kind)
    assert meaning_of(kind, a) == meaning_of(kind, b)


@pytest.mark.parametrize(
    ("finer", "coarser"),
    [
        ("glioblastoma", "glioma"),
        ("pilocytic astrocytoma", "glioma"),
        ("oligodendroglioma", "glioma"),
        ("brainstem_glioma", "glioma"),
        ("high_grade_glioma", "glioma"),
        ("dural metastasis", "metastasis"),
        ("medulloblastoma", "embryonal"),
        ("ATRT", "embryonal"),
        ("ganglioglioma", "neuronal_tumor"),
        ("central_neurocytoma", "neuronal_tumor"),
        ("primary CNS lymphoma", "lymphoma"),
    ],
)
def test_hierarchical_terms_cannot_stand_beside_each_other(finer, coarser):
    kind = QuestionType.DIAGNOSIS
    a, b = meaning_of(kind, finer), meaning_of(kind, coarser)
    assert a != b
    assert overlapping(kind, a, b)
    assert overlapping(kind, b, a)


@pytest.mark.parametrize(
    ("kind", "finer", "coarser"),
    [
        ("shape", "irregular", "Irregular or infiltrative"),
        ("shape", "Irregular, ill-defined", "Irregular or infiltrative"),
        ("location", "Sellar region", "Sellar or parasellar region"),
        ("location", "Sellar and suprasellar region", "Sellar region"),
    ],
)
def test_either_of_two_is_coarser_and_both_is_finer(kind, finer, coarser):
    kind = QuestionType(kind)
    a, b = meaning_of(kind, finer), meaning_of(kind, coarser)
    assert a != b
    assert b in uppers(ANSWERS[kind], a)
    assert a not in uppers(ANSWERS[kind], b)


def test_the_guessers_and_the_findings_know_the_same_none_of_the_above():
    for text in ("None of these", "none_of_the_above.", "None of the options"):
        asked = item(none=False, options=("T2", "T1", text), answer="C", is_rejection=True, removed_answer="DWI")
        assert meaning_of(QuestionType.MODALITY, text) == NONE_MEANING
        assert (asked.none_letter, asked.rejects) == ("C", True)


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        ("diagnosis", "ganglioglioma", "glioma"),
        ("diagnosis", "glioblastoma", "astrocytoma"),
        ("diagnosis", "lymphoma", "metastasis"),
        ("modality", "T1", "T1 with contrast"),
        ("size", "< 1 cm", "> 1 cm"),
        ("diagnosis", "None of the above", "glioma"),
        ("diagnosis", "Healthy", "Abnormal"),
        ("size", "Not measurable", "No lesion"),
        ("shape", "Multinodular", "Lobulated"),
    ],
)
def test_other_things_stay_apart(kind, a, b):
    kind = QuestionType(kind)
    assert not overlapping(kind, meaning_of(kind, a), meaning_of(kind, b))


# --- stems ---


@pytest.mark.parametrize(
    ("question", "kind", "named"),
    [
        ("Where is the meningioma located?", None, "meningioma"),
        ("Is this glioblastoma solitary or multifocal?", None, "glioblastoma"),
        ("What explains the surrounding edema?", None, "edema"),
        ("Does this lymphoma enhance?", None, "Lymphoma"),
        ("What follows from its irregular margins?", None, "irregular"),
        ("Is this brain MRI normal or abnormal?", QuestionType.DIAGNOSIS, None),
        ("Does the image show a solitary neuronal lesion or multiple lesions?", None, None),
        ("Where is the tumor?", None, None),
        ("Which tumor is this?", QuestionType.DIAGNOSIS, None),
        ("Which diagnosis does this brain tumor suggest?", QuestionType.DIAGNOSIS, "brain tumor"),
        ("What lies near the pituitary gland?", None, None),
        ("Which structure does this T2 slice show?", None, None),
        ("Which sequence is this T2 slice?", QuestionType.MODALITY, "T2"),
        ("Which type of brain tumor is shown?", QuestionType.DIAGNOSIS, None),
        ("Is there a tumor in this scan?", QuestionType.DIAGNOSIS, None),
        ("Is there a glioma in this scan?", QuestionType.DIAGNOSIS, "glioma"),
        ("Is contrast enhancement present?", QuestionType.ENHANCEMENT, None),
        ("Is ring enhancement present?", QuestionType.ENHANCEMENT, "ring enhancement"),
        ("Is perilesional edema present?", QuestionType.EDEMA, None),
        ("Is the lesion with edema on the left?", QuestionType.LOCATION, "edema"),
        ("A patient with known breast cancer. What is it?", QuestionType.DIAGNOSIS, "Cancer elsewhere"),
        ("What is this extra-axial mass?", QuestionType.DIAGNOSIS, "extra-axial"),
        ("What is this dural-based mass?", QuestionType.DIAGNOSIS, "dural-based"),
        ("What is this calcified mass?", QuestionType.DIAGNOSIS, "calcified"),
        ("Which mass is cystic?", QuestionType.DIAGNOSIS, "cystic"),
        ("What bleeds with hemorrhage?", QuestionType.DIAGNOSIS, "hemorrhage"),
        ("Ｇｌｉｏｍａ, or where?", None, "Glioma"),
        ("Where is the menin\u00adgioma?", None, "meningioma"),
        ("Where is the gli\u200boma?", None, "glioma"),
    ],
)
def test_what_a_stem_names(question, kind, named):
    seen = named_in_stem(question, kind)
    assert (seen is None) is (named is None) or seen == named
    if named is not None:
        assert seen == named


# --- pictures and paths ---


def test_the_answer_in_the_path_is_information_only():
    seen = found([item(kind="diagnosis", options=("Glioma",), image_path="glioma/1.png")])
    assert [(f.code, f.level) for f in seen.values()] == [("ANSWER_IN_PATH", "info")]


@pytest.mark.parametrize(
    ("path", "options", "names"),
    [
        ("tumor/05_t1_mask/brisc2025_train_00579_gl_co_t1.jpg", ("glioma",), True),
        ("tumor/05_t1_mask/brisc2025_train_00579_me_co_t1.jpg", ("glioma",), False),
        ("neuronal_tumor/10_t1_t2_mask/T2_68.png", ("Ganglioglioma",), True),
        ("healthy/healthy12.jpg", ("Healthy",), True),
        ("a9f2.png", ("Glioma",), False),
    ],
)
def test_which_paths_name_a_diagnosis(path, options, names):
    asked = item(kind="diagnosis", options=options, image_path=path)
    assert (path_names_answer(asked) is not None) is names


def test_the_file_name_goes_before_the_folder():
    assert values_in_path(QuestionType.MODALITY, "16_t1_t2_t1ce_flair_mask/case/case_t2.png") == {"t2"}
    assert values_in_path(QuestionType.MODALITY, "16_t1_t2_mask/case/case.png") == {"t1", "t2"}
    assert values_in_path(QuestionType.MODALITY, "x/case_t1_ce.png") == {"t1ce"}


def test_one_path_under_two_ids():
    twice = found([item(0, image_path="a.png"), item(1, image_path="a.png"), item(2)])["IMAGE_TWICE"]
    assert (twice.level, twice.examples) == ("error", ("0, 1: same path a.png",))
    assert "IMAGE_TWICE" not in found([item(0, image_path="a.png"), item(0, image_path="a.png", q_index=1)])
    channels = [item(n, image_path="a.png", image_channel=n) for n in range(2)]
    assert "IMAGE_TWICE" not in found(channels)


def test_same_bytes_and_same_pixels_need_the_images(tmp_path):
    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    Image.fromarray(pixels).save(tmp_path / "0.png")
    shutil.copy(tmp_path / "0.png", tmp_path / "1.png")
    Image.fromarray(pixels).save(tmp_path / "2.bmp")
    Image.fromarray(pixels.T).save(tmp_path / "3.png")
    (tmp_path / "4.png").write_bytes(b"no picture")
    items = [item(0), item(1), item(2, image_path="2.bmp"), item(3), item(4), item(5)]
    assert "IMAGE_TWICE" not in found(items)
    seen = found(items, tmp_path)
    assert seen["IMAGE_TWICE"].examples == ("0, 1: same bytes, 1.png", "0, 2: same pixels, 2.bmp")
    assert (seen["IMAGE_UNREADABLE"].level, seen["IMAGE_UNREADABLE"].n) == ("warning", 2)
    assert "1.png" not in "".join(seen["IMAGE_UNREADABLE"].examples)


def test_a_path_out_of_the_root_is_not_followed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "x.png")
    assert found([item(image_path="../x.png")], root)["IMAGE_UNREADABLE"].n == 1


# --- whole files ---


def test_ours_is_clean():
    labels = skewed_labels(600)
    for hard in (False, True):
        assert lint_closed(closed_items(labels, 0, RULES, hard=hard), RULES.section("check", CheckRules)) == []


@pytest.fixture(scope="module")
def published(upstream_root):
    return read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json").records


def test_the_published_file_has_the_faults_that_are_known(published):
    seen = {f.code: f.n for f in lint_closed(published, RULES.section("check", CheckRules))}
    assert seen == {
        "DUPLICATE_OPTION": 124,
        "REMOVED_ANSWER_OFFERED": 91,
        "ANSWER_NOT_UNIQUE": 94,
        "SEVERAL_SPELLINGS": 73,
        "OVERLAPPING_OPTIONS": 65,
        "NEVER_RIGHT": 48,
        "ALWAYS_RIGHT": 6,
        "UNBALANCED_ANSWERS": 8,
        "ANSWER_IN_PATH": 1962,
    }
    often = {f.code: f.examples for f in lint_closed(published, CHECK.model_copy(update={"min_occurrences": 100}))}
    assert "spread Solitary lesion: 148 of 148" in often["ALWAYS_RIGHT"]


def test_the_published_rejection_items_that_still_offer_the_removed_answer(published):
    still = [one for one in published if removed_still_offered(one)]
    by_id = {
        one.image_id: one.text_of(removed_still_offered(one)[0]) for one in still if one.question_type == "diagnosis"
    }
    assert {i: by_id[i] for i in ("223", "511", "832")} == dict.fromkeys(("223", "511", "832"), "Metastasis")
    by_modality = {
        one.image_id: one.text_of(removed_still_offered(one)[0]) for one in still if one.question_type == "modality"
    }
    assert by_modality["107"] == "MRI brain FLAIR"
    same = Counter(
        one.question_type.value
        for one in still
        if any(
            meaning_of(one.question_type, o.text) == meaning_of(one.question_type, one.removed_answer)
            for o in one.options
        )
    )
    assert same["modality"] == 32
    assert same["diagnosis"] == 5


def test_the_published_spellings_of_the_modality(published):
    texts = {o.text for one in published if one.question_type == "modality" for o in one.options}
    assert len(texts) == 41
    assert len({meaning_of(QuestionType.MODALITY, text) for text in texts}) == 9


def test_the_published_options_that_differ_in_case_or_underscores_only(published):
    def folded(text):
        return "".join(character for character in text.casefold() if character.isalnum())

    assert sum(len({folded(o.text) for o in one.options}) < len(one.options) for one in published) == 18
