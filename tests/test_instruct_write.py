"""Instruction files: accounted for to the last fact, the same bytes each time, whole or not there, and never held."""

import json
import re
import shutil
import signal
import subprocess
import sys
import weakref
from collections import Counter
from pathlib import Path

import pytest

from factories_build import make_label, semantics, skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.facts import facts
from neuroonco.build.index import index_labels
from neuroonco.build.instruct import templates
from neuroonco.build.instruct.build import build_instructions, instruction_plan
from neuroonco.build.instruct.chat import chat_line
from neuroonco.build.instruct.export import Export, file_name, ms_swift_line, trl_line
from neuroonco.build.instruct.mixture import Mixture
from neuroonco.build.instruct.records import CLOSED, CLOSED_WITH_REASON, FILE_KINDS, OPEN, InstructionPair, MissingPart
from neuroonco.build.labels import LabelFile, in_order
from neuroonco.cli import run
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DropReason, Edema, Margins, MRSequence, QuestionType, Texture, TumorType

RULES = load_rules("default")
GOLDEN = Path(__file__).parent / "golden"
LABELS = in_order(skewed_labels(150))
SEED = 4


def build(out: Path, labels=LABELS, **options):
    return build_instructions(out, labels, seed=SEED, rules=RULES, **options)


def few_labels() -> list[AuditedLabel]:
    signs = Signs(margins=Margins.ILL_DEFINED, texture=Texture.HETEROGENEOUS, edema=Edema.ABSENT)
    return in_order(
        [
            make_label("a", TumorType.GLIOMA, semantics=semantics(), signs=signs, patient_id="p1"),
            make_label("b", TumorType.MENINGIOMA, sequence=MRSequence.T1CE),
            make_label("c", TumorType.TUMOR, sequence=MRSequence.FLAIR, semantics=semantics(shape=None)),
            make_label("d", TumorType.HEALTHY, sequence=MRSequence.T1),
        ]
    )


def lines(out: Path, kind: str) -> list[dict]:
    return [json.loads(line) for line in (out / file_name(kind)).read_text("utf-8").splitlines()]


def left(out: Path) -> list[Dropped]:
    return store.load_strict(out / "dropped.parquet", Dropped)


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def first_words(label, known, items):
    return templates.draft(label, known, items, SEED)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Instructions of all slices, for tests that only read them."""
    out = tmp_path_factory.mktemp("written")
    build(out, whole=True, exports=tuple(Export))
    return out


# --- what is written ---


def test_every_fact_is_asked_and_every_closed_one_twice(tmp_path):
    counts = build(tmp_path, whole=True)
    known = sum(len(facts(label)) for label in LABELS)
    unasked = [d for d in left(tmp_path) if d.reason is DropReason.NOT_SELECTED]
    assert counts[CLOSED] == counts[CLOSED_WITH_REASON] == known - len(unasked)
    surplus = sum(d.detail.startswith("diagnosis_binary: ") for d in unasked)
    assert sum(line["meta"]["subtype"] == "open" for line in lines(tmp_path, OPEN)) == known - surplus
    assert counts["dropped"] == len(left(tmp_path))
    assert counts["dropped_by_reason"] == {"not_selected": len(unasked)}


def test_lines_are_ordered_by_slice_and_keep_their_index(written):
    for kind in FILE_KINDS:
        keys = [(line["meta"]["id"], line["meta"]["pair_index"]) for line in lines(written, kind)]
        assert keys == sorted(keys)
        assert len(set(keys)) == len(keys)
    asked = {kind: [(x["meta"]["id"], x["meta"]["pair_index"]) for x in lines(written, kind)] for kind in FILE_KINDS}
    assert asked[CLOSED] == asked[CLOSED_WITH_REASON]


def test_the_published_keys_and_no_others(written):
    paths = {label.slice_id: label.slice.image_path for label in LABELS}
    for kind in FILE_KINDS:
        for line in lines(written, kind):
            assert set(line) == {"images", "messages", "meta"}
            assert set(line["meta"]) == {"id", "pair_index", "question_type", "subtype", "source"}
            assert line["images"] == [paths[line["meta"]["id"]]]
            user, assistant = line["messages"]
            assert (user["role"], assistant["role"]) == ("user", "assistant")
            assert user["content"].startswith("<image>\n")
            assert user["content"].count("<image>") == 1


def test_the_answer_of_a_closed_pair_is_the_label_s(written):
    """Read back from the text alone: the option behind the letter is a fact of the slice, or none fits."""
    plan = instruction_plan(index_labels(LABELS, SEED), seed=SEED, rules=RULES, whole=True)
    items = {(item.slice_id, item.q_index): item for _, _, own in plan.all_to_word(LABELS) for item in own}
    for line in lines(written, CLOSED):
        item = items[line["meta"]["id"], line["meta"]["pair_index"]]
        text = line["messages"][0]["content"]
        assert line["messages"][1]["content"] == item.answer
        assert all(f"\n{option.letter}. {option.text}\n" in text for option in item.options)
        assert text.endswith("\n\nAnswer with the option letter only.")
    assert len(items) == len(lines(written, CLOSED))


def test_formats_and_words(tmp_path):
    """Golden files: two typed tumors, an untyped one and a healthy slice, with and without masks and signs."""
    build_instructions(tmp_path, few_labels(), seed=1, rules=RULES, whole=True)
    for kind in FILE_KINDS:
        assert (tmp_path / file_name(kind)).read_text() == (GOLDEN / f"build_{file_name(kind)}").read_text(), kind


def test_healthy_slices_are_asked_for_diagnosis_and_sequence_only(written):
    healthy = {label.slice_id for label in LABELS if label.slice.tumor_type is TumorType.HEALTHY}
    for kind in FILE_KINDS:
        asked = {x["meta"]["question_type"] for x in lines(written, kind) if x["meta"]["id"] in healthy}
        assert asked == {"diagnosis", "modality"}


def test_untyped_tumors_are_asked_abnormal_or_healthy(written):
    untyped = {label.slice_id for label in LABELS if label.slice.tumor_type in (TumorType.TUMOR, TumorType.HEALTHY)}
    asked = [x for x in lines(written, CLOSED) if x["meta"]["question_type"] == "diagnosis"]
    binary = [x for x in asked if x["meta"]["id"] in untyped]
    assert {x["meta"]["subtype"] for x in binary} == {"binary"}
    for line in binary:
        options = re.findall(r"^[A-E]\. (.+)$", line["messages"][0]["content"], re.MULTILINE)
        assert sorted(options) == ["Abnormal", "Healthy"]
    for line in asked:
        if line["meta"]["subtype"] != "binary":
            options = re.findall(r"^([A-E])\. (.+)$", line["messages"][0]["content"], re.MULTILINE)
            assert not {text for _, text in options} & {"Brain tumor", "Abnormal", "Healthy"}


# --- who may be asked ---


def test_nothing_of_the_benchmark_is_in_the_instructions(tmp_path):
    labels = in_order([*LABELS, *skewed_labels(100, seed=9)][:250])
    labels = list({label.slice_id: label for label in labels}.values())
    benchmark = build_benchmark(tmp_path / "b", labels, seed=SEED, rules=RULES)
    build(tmp_path / "i", labels)
    tested = {item.slice_id for item in [*benchmark.closed, *benchmark.open]}
    taught = {line["meta"]["id"] for kind in FILE_KINDS for line in lines(tmp_path / "i", kind)}
    assert tested
    assert taught
    index = index_labels(labels, SEED)
    group = {slice_id: index.group(row) for row, slice_id in enumerate(index.slice_ids)}
    assert not {group[s] for s in tested} & {group[s] for s in taught}
    held = {d.slice_id for d in left(tmp_path / "i") if d.reason is DropReason.HELD_OUT_FOR_BENCHMARK}
    assert tested <= held
    assert not held & taught


def test_channels_of_a_file_are_left_out_by_name(tmp_path):
    channels = [
        make_label(f"c{i}", image_path="three.tif", image_channel=i, sequence=sequence)
        for i, sequence in enumerate((MRSequence.T1, MRSequence.FLAIR, MRSequence.T1CE))
    ]
    build(tmp_path, in_order([*LABELS, *channels]), whole=True)
    gone = [d for d in left(tmp_path) if d.image_path == "three.tif"]
    assert [d.reason for d in gone] == [DropReason.CHANNEL_OF_A_FILE] * 3
    assert "three.tif" not in {line["images"][0] for kind in FILE_KINDS for line in lines(tmp_path, kind)}


def test_two_labels_of_one_slice_are_set_aside_and_a_silent_one_is_said(tmp_path):
    labels = in_order([*LABELS, LABELS[3], make_label("nothing", None, sequence=None)])
    counts = build(tmp_path, labels, whole=True)
    aside = store.load_strict(tmp_path / "quarantined.parquet", Quarantined)
    assert [(q.slice_id, q.code) for q in aside] == [(LABELS[3].slice_id, "SLICE_TWICE")] * 2
    silent = [d.slice_id for d in left(tmp_path) if d.reason is DropReason.NO_ANSWERABLE_QUESTION]
    assert silent == [make_label("nothing").slice_id]
    assert counts["quarantined"] == 2


@pytest.mark.parametrize("whole", [True, False])
def test_every_slice_leaves_in_one_way(tmp_path, whole):
    build(tmp_path, whole=whole)
    written = {line["meta"]["id"] for kind in FILE_KINDS for line in lines(tmp_path, kind)}
    dropped = {d.slice_id for d in left(tmp_path)}
    assert written | dropped == {label.slice_id for label in LABELS}
    order = [(d.slice_id, d.reason.value) for d in left(tmp_path)]
    assert order == sorted(order)


# --- caps ---


def test_what_is_above_a_cap_is_dropped_by_name(tmp_path):
    mixture = Mixture(types={"location": 5, "modality": 40}, classes={"glioma": 60})
    build(tmp_path, whole=True, mixture=mixture)
    opened = lines(tmp_path, OPEN)
    asked = Counter(line["meta"]["question_type"] for line in opened if line["meta"]["subtype"] == "open")
    assert (asked["location"], asked["modality"]) == (5, 40)
    gliomas = {label.slice_id for label in LABELS if label.slice.tumor_type is TumorType.GLIOMA}
    singly = [line for line in opened if line["meta"]["subtype"] == "open"]
    assert sum(line["meta"]["id"] in gliomas for line in singly) == 60
    capped = [d for d in left(tmp_path) if d.reason is DropReason.MIXTURE_CAP]
    assert len(capped) == sum(len(facts(label)) for label in LABELS) - len(singly)
    assert all(d.detail.endswith(": above a cap of the mixture") for d in capped)
    assert "location_in_head: " in {d.detail[:18] for d in capped}
    for kind in (CLOSED, CLOSED_WITH_REASON):
        assert sum(line["meta"]["question_type"] == "location" for line in lines(tmp_path, kind)) <= 5


# --- faults ---


def test_a_pair_with_a_fault_is_left_out_and_its_slice_keeps_the_others(tmp_path, written):
    typed = 0

    def names_the_finding(label, known, items):
        nonlocal typed
        draft = first_words(label, known, items)
        typed += sum(one.wording == "diagnosis" for one in draft.open)
        opened = tuple(
            one.model_copy(update={"question": "This glioma is large. What is the most likely diagnosis?"})
            if one.wording == "diagnosis"
            else one
            for one in draft.open
        )
        return draft.model_copy(update={"open": opened})

    clean = store.read_json(written / "statistics.json")["pairs"]
    counts = build(tmp_path / "leaky", whole=True, draft=names_the_finding)
    assert 0 < typed < sum(fact.wording == "diagnosis" for label in LABELS for fact in facts(label))
    faulty = [d for d in left(tmp_path / "leaky") if d.reason is DropReason.PAIR_FAULT]
    assert len(faulty) == typed
    assert all("stem_names_finding" in d.detail and d.detail.startswith("open ") for d in faulty)
    assert counts[OPEN] == clean[OPEN] - typed
    assert counts[CLOSED] == clean[CLOSED]
    statistics = store.read_json(tmp_path / "leaky" / "statistics.json")
    assert statistics["faults"]["stem_names_finding"] == typed
    assert "most likely diagnosis?" not in {x["messages"][0]["content"][-24:] for x in lines(tmp_path / "leaky", OPEN)}


def test_the_templates_have_no_fault(written):
    assert {d.reason for d in left(written)} == {DropReason.NOT_SELECTED}
    assert store.read_json(written / "statistics.json")["faults"] == {}


def test_what_a_writer_leaves_unsaid_is_said(tmp_path):
    aside = Quarantined(slice_id=LABELS[0].slice_id, code="MODEL_REFUSED", message="it refused")

    def sparing(label, known, items):
        if label.slice_id == aside.slice_id:
            return aside
        draft = first_words(label, known, items)
        missing = (
            MissingPart(wording=draft.open[0].wording, reason="empty"),
            *(MissingPart(q_index=one.q_index, reason="too long") for one in draft.closed[:1]),
        )
        return draft.model_copy(update={"open": draft.open[1:], "closed": draft.closed[1:], "missing": missing})

    counts = build(tmp_path, whole=True, draft=sparing)
    assert store.load_strict(tmp_path / "quarantined.parquet", Quarantined)[0].code == "MODEL_REFUSED"
    assert aside.slice_id not in {line["meta"]["id"] for line in lines(tmp_path, OPEN)}
    gone = [d for d in left(tmp_path) if d.reason is DropReason.DRAFT_MISSING and d.slice_id == LABELS[1].slice_id]
    assert [d.detail for d in gone] == [f"{facts(LABELS[1])[0].wording}: empty", "question 0: too long"]
    assert counts["quarantined"] == 1


# --- bytes ---


def test_the_same_labels_and_seed_give_the_same_bytes_in_any_order(tmp_path):
    path = tmp_path / "labels.parquet"
    store.save(path, LABELS, AuditedLabel)
    build(tmp_path / "a", exports=tuple(Export))
    build(tmp_path / "b", in_order(LABELS[::-1]), exports=tuple(Export))
    build(tmp_path / "c", LabelFile(path), exports=tuple(Export))
    assert len(files(tmp_path / "a")) == 3 * 3 + 4
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")
    build_instructions(tmp_path / "d", LABELS, seed=SEED + 1, rules=RULES, exports=tuple(Export))
    assert files(tmp_path / "d")[file_name(CLOSED)] != files(tmp_path / "a")[file_name(CLOSED)]


def test_an_open_type_counts_the_facts_that_are_asked_and_no_descriptions(written):
    """A description of size, outline and foci is no question about size."""
    counted = store.read_json(written / "statistics.json")["by_type"][OPEN]
    known = Counter(fact.question_type.value for label in LABELS for fact in facts(label))
    assert {name: counted[name] for name in ("size", "shape", "margins", "modality")} == {
        name: known[name] for name in ("size", "shape", "margins", "modality")
    }
    assert counted["detail"] > known["size"] > 0
    assert counted["reasoning"] > 0


def test_nothing_in_nothing_out(tmp_path):
    assert build(tmp_path, [])[OPEN] == 0
    assert (tmp_path / file_name(OPEN)).read_bytes() == b""
    assert store.read_json(tmp_path / "dataset_info.json") == {}
    assert store.read_json(tmp_path / "statistics.json")["images"] == 0
    assert left(tmp_path) == []


class Counted:
    """Labels that are made anew at each pass, and how many of them were alive at once."""

    def __init__(self) -> None:
        self.passes, self.most = 0, 0

    def __iter__(self):
        self.passes += 1
        alive: list[weakref.ref] = []
        for label in LABELS:
            fresh = label.model_copy()
            alive = [ref for ref in alive if ref() is not None] + [weakref.ref(fresh)]
            self.most = max(self.most, len(alive))
            yield fresh


def test_labels_are_read_twice_and_never_held(tmp_path):
    labels = Counted()
    build(tmp_path, labels, whole=True)
    assert labels.passes == 2
    assert labels.most <= 3


# --- statistics and exports ---


def test_statistics_are_what_the_files_hold(written):
    statistics = store.read_json(written / "statistics.json")
    class_of = {label.slice_id: label.slice.tumor_type.value for label in LABELS}
    by_kind = {kind: lines(written, kind) for kind in FILE_KINDS}
    assert statistics["pairs"] == {kind: len(found) for kind, found in by_kind.items()}
    images = {line["images"][0]: class_of[line["meta"]["id"]] for found in by_kind.values() for line in found}
    assert statistics["images"] == len(images)
    assert statistics["images_by_class"] == dict(Counter(images.values()))
    for kind, found in by_kind.items():
        for name, key in (("source", "source"), ("subtype", "subtype")):
            assert statistics[f"by_{name}"][kind] == dict(Counter(line["meta"][key] for line in found))
        several = ("detail", "reasoning")
        types = [m["subtype" if m["subtype"] in several else "question_type"] for m in (x["meta"] for x in found)]
        assert statistics["by_type"][kind] == dict(Counter(types))
        assert statistics["by_writer"][kind] == {"templates": len(found)}
        assert statistics["by_class"][kind] == dict(Counter(class_of[line["meta"]["id"]] for line in found))
    stems = {
        line["messages"][0]["content"].removeprefix("<image>\n").split("\nOptions:\n")[0]
        for found in by_kind.values()
        for line in found
    }
    assert statistics["distinct_questions"] == len(stems)


def test_exports_hold_the_same_pairs_in_the_same_order(written):
    for kind in FILE_KINDS:
        published = lines(written, kind)
        swift, trl = lines(written / "ms-swift", kind), lines(written / "trl", kind)
        assert swift == [{"messages": x["messages"], "images": x["images"]} for x in published]
        texts = [x["messages"][0]["content"].removeprefix("<image>\n") for x in published]
        assert [x["messages"][0]["content"][1]["text"] for x in trl] == texts
        assert [x["messages"][1]["content"][0]["text"] for x in trl] == [x["messages"][1]["content"] for x in published]
        assert [x["images"] for x in trl] == [x["images"] for x in published]
    assert len(store.read_json(written / "dataset_info.json")) == 3


def test_a_run_leaves_nothing_of_an_earlier_one(tmp_path):
    build(tmp_path / "twice", whole=True, exports=tuple(Export))
    for out in ("twice", "once"):
        build(tmp_path / out, mixture=Mixture(types={"default": 3}), exports=(Export.TRL,))
    assert files(tmp_path / "twice") == files(tmp_path / "once")


def test_descriptions_of_other_data_sets_are_kept(tmp_path):
    """The folder may be the one in which LLaMA-Factory keeps its data."""
    path = tmp_path / "dataset_info.json"
    path.write_text('{"alpaca_en": {"file_name": "a.json"}, "neuroonco_open": {"file_name": "old.jsonl"}}')
    build(tmp_path, whole=True)
    described = store.read_json(path)
    assert list(described) == ["alpaca_en", "neuroonco_open", "neuroonco_closed_nocot", "neuroonco_closed_cot"]
    assert described["alpaca_en"] == {"file_name": "a.json"}
    assert described["neuroonco_open"]["file_name"] == file_name(OPEN)
    path.write_text("[]")
    before = files(tmp_path)
    with pytest.raises(InputError, match="expected an object"):
        build(tmp_path)
    assert files(tmp_path) == before


@pytest.mark.parametrize("line_of", [chat_line, ms_swift_line, trl_line])
def test_hostile_text_stays_one_line_of_json(line_of):
    pair = InstructionPair(
        pair_id="p",
        pair_index=0,
        slice_id="s",
        image_path='a "b"\u2028\n\x00.png',
        file_kind=OPEN,
        question_type=QuestionType.SIZE,
        subtype="open",
        question="é\u2029?\r\n",
        answer='"}',
        source_id="9",
    )
    text = json.dumps(line_of(pair), ensure_ascii=False)
    assert "\n" not in text
    assert "\r" not in text
    assert json.loads(text)["images"] == [pair.image_path]


# --- kills ---


def test_a_failure_on_the_way_leaves_what_was_there(tmp_path):
    build(tmp_path, whole=True, exports=(Export.TRL,))
    before = files(tmp_path)
    drafted = 0

    def failing(label, known, items):
        nonlocal drafted
        drafted += 1
        if drafted == 60:
            raise InputError("LEDGER_BROKEN", "torn")
        return first_words(label, known, items)

    with pytest.raises(InputError, match="torn"):
        build(tmp_path, draft=failing)
    assert files(tmp_path) == before


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_instruct_write as t
from neuroonco.build.instruct import write
n = 0
def draft(label, known, items):
    global n
    n += 1
    if n == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return t.first_words(label, known, items)
real = Path.replace
def replace(self, target):
    global n
    n += 1
    if n == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = replace
t.build(Path({out!r}), exports=tuple(t.Export), draft=draft)
"""


@pytest.fixture(scope="module")
def shared_out(tmp_path_factory) -> Path:
    """Instructions of the slices that are not held out, for tests that only read them."""
    out = tmp_path_factory.mktemp("shared")
    build(out, exports=tuple(Export))
    return out


@pytest.mark.parametrize("at", [70, "moves + 1", "moves + 6", "moves + 12"])
def test_a_kill_leaves_each_file_whole_and_statistics_only_beside_files_of_their_own(tmp_path, written, shared_out, at):
    """Killed while words are put together, and between two moves; then the same command makes it good."""
    drafts = sum(1 for _ in planned_slices())
    at = at if isinstance(at, int) else drafts + int(at.split("+")[1])
    shutil.copytree(written, tmp_path / "out")
    old, new = files(written), files(shared_out)
    script = KILLED.format(tests=str(Path(__file__).parent), at=at, out=str(tmp_path / "out"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = {name: data for name, data in files(tmp_path / "out").items() if not Path(name).name.startswith(".")}
    for name, data in found.items():
        assert data in (old[name], new[name]), name
    if "statistics.json" in found:
        assert found == (old if found["statistics.json"] == old["statistics.json"] else new)
    build(tmp_path / "out", exports=tuple(Export))
    again = {name: data for name, data in files(tmp_path / "out").items() if not Path(name).name.startswith(".")}
    assert again == new


def planned_slices():
    return instruction_plan(index_labels(LABELS, SEED), seed=SEED, rules=RULES).all_to_word(LABELS)


# --- the command ---


@pytest.fixture
def labels_file(tmp_path):
    path = tmp_path / "labels.parquet"
    store.save(path, LABELS, AuditedLabel)
    return path


def call(capsys, *arguments):
    code = run(["build", "instruct", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_writes_what_the_function_writes(tmp_path, labels_file, capsys):
    caps = tmp_path / "caps.toml"
    caps.write_text('[mixture.types]\ndefault = 30\n[mixture.sources]\n"90" = 150\n"16" = 9\n')
    out = tmp_path / "out"
    options = ("--seed", SEED, "--mixture", caps, "--export", "trl,ms-swift", "--json")
    code, said, err = call(capsys, labels_file, "--out", out, *options)
    assert (code, err) == (0, "")
    mixture = Mixture(types={"default": 30}, sources={"90": 150, "16": 9})
    counts = build(tmp_path / "same", mixture=mixture, exports=(Export.MS_SWIFT, Export.TRL))
    assert json.loads(said) == counts | {"unreadable": 0}
    assert files(out) == files(tmp_path / "same")
    assert counts["dropped_by_reason"]["mixture_cap"] > 0


def test_the_command_says_what_it_made(tmp_path, labels_file, capsys):
    code, said, err = call(capsys, labels_file, "--out", tmp_path / "out", "--seed", SEED)
    assert (code, said) == (0, "")
    counts = build(tmp_path / "same")
    assert files(tmp_path / "out") == files(tmp_path / "same")
    assert err.strip() == ", ".join(f"{n} {name}" for name, n in counts.items() if isinstance(n, int))


@pytest.mark.parametrize(
    ("options", "caps", "code", "says"),
    [
        (("--export", "axolotl"), None, 2, "error[EXPORT_UNKNOWN]: --export: no form 'axolotl'"),
        (("--mixture", "absent.toml"), None, 3, "error[FILE_MISSING]"),
        ((), "[mixture.types]\ndiagnoses = 3", 3, "'diagnoses'; known are diagnosis, modality"),
        ((), '[mixture.sources]\n"61" = 3', 3, "'61'; known are 01, 02"),
        ((), "[mixture", 3, "error[MIXTURE_BROKEN]"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, labels_file, capsys, options, caps, code, says):
    if caps is not None:
        path = tmp_path / "caps.toml"
        path.write_text(caps)
        options = ("--mixture", path)
    found, said, err = call(capsys, labels_file, "--out", tmp_path / "out", *options)
    assert (found, said) == (code, "")
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_row_that_cannot_be_read_costs_only_itself_and_the_exit_code(tmp_path, capsys):
    path = tmp_path / "labels.jsonl"
    store.save(path, LABELS[:40], AuditedLabel)
    with path.open("a") as file:
        file.write('{"slice_id": "torn"}\n')
    code, said, err = call(capsys, path, "--out", tmp_path / "out", "--whole", "--json")
    assert code == 1
    assert json.loads(said)["unreadable"] == 1
    assert "quarantined[FIELD_INVALID]" in err
    assert lines(tmp_path / "out", OPEN)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, labels_file, capsys):
    (tmp_path / "file").write_text("")
    code, _, err = call(capsys, labels_file, "--out", tmp_path / "file")
    assert code == 3
    assert err.startswith("error[CANNOT_WRITE]")
    assert (tmp_path / "file").read_text() == ""
