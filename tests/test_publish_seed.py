"""Names and the seed: with a known one they can be undone, so that a benchmark with one does not leave."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from factories_build import skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.draw import offered_terms
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem, OpenItem
from neuroonco.cli import run
from neuroonco.errors import InputError
from neuroonco.prompts import load_wordings
from neuroonco.publish.benchmark import publish_benchmark
from neuroonco.publish.key import KEY_BYTES, Key
from neuroonco.publish.records import PublishedName
from neuroonco.publish.seeds import DRAW_A_SEED, LEAST_PRIVATE_SEED, is_guessable
from neuroonco.rules import load_rules
from neuroonco.seeded import random_for
from neuroonco.sources import source
from neuroonco.vocabulary import Redistribution

DEFAULT = 2602
PRIVATE = (LEAST_PRIVATE_SEED, 2**62 + 123456789, 2**63 - 1)
DOCS = Path(__file__).parents[1] / "docs" / "publish-benchmark.md"


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[AuditedLabel]]:
    root = tmp_path_factory.mktemp("collections")
    found = []
    for number, label in enumerate(skewed_labels(400)):
        path = root / label.slice.image_path
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        changed = {"image_sha256": digest, "source_id": "91", "duplicate_group": None}
        found.append(label.model_copy(update={"slice": label.slice.model_copy(update=changed)}))
    return root, sorted(found, key=lambda one: one.slice_id)


def publish(root: Path, labels: list[AuditedLabel], seed: int, folder: Path, **changes: Any) -> dict[str, int]:
    rules = load_rules("default").with_value("build", "questions_per_type", 60)
    built = build_benchmark(folder / "built", labels, seed=seed, rules=rules)
    free = source("phantoms").model_copy(update={"id": "91", "redistribution": Redistribution.IMAGES})
    given: dict[str, Any] = {"root": root, "sources": {"91": free}, "key": Key(bytes(range(KEY_BYTES)))}
    given |= {"out": folder / "out", "mapping": folder / "m.jsonl"}
    return publish_benchmark(built.closed, built.open, labels, [], **given | changes).counts


def fitting(folder: Path, slice_ids: list[str], seed: int) -> dict[str, list[str]]:
    """The slices whose options, drawn with a guessed seed, are those that a published image offers.

    Nothing is used but the package, this code and the slice ids of the collections; no pixel.
    """
    wordings = {wording.question: (name, wording) for name, wording in load_wordings().closed.items()}
    asked: dict[str, list[tuple[str, Any, list[Any]]]] = {}
    values: dict[str, set[Any]] = {}
    for item in store.load_strict(folder / "closed.parquet", ClosedItem):
        name, wording = wordings[item.question]
        term_of = {wording.text_of(value): value for value in ANSWERS[item.question_type]}
        truth = term_of[item.removed_answer or item.text_of(item.answer) or ""]
        values.setdefault(name, set()).add(truth)
        terms = [term_of[o.text] for o in item.options if o.text != NONE_OF_THE_ABOVE]
        asked.setdefault(item.image_id, []).append((name, truth, terms))
    pools = {name: sorted(found, key=list(type(next(iter(found)))).index) for name, found in values.items()}

    def same(slice_id: str, name: str, truth: Any, terms: list[Any]) -> bool:
        place = terms.index(truth) if truth in terms else None
        rng = random_for(seed, "options", slice_id, name)
        return offered_terms(truth, pools[name], len(terms), place, rng) == terms

    return {
        image: [s for s in slice_ids if all(same(s, *one) for one in questions if len(pools[one[0]]) > 2)]
        for image, questions in asked.items()
    }


def found_out(folder: Path, slice_ids: list[str], seed: int) -> tuple[int, int, int]:
    """Images, those whose slice is among the fitting ones, and those that only their slice fits."""
    true = {one.name: one.slice_id for one in store.load_strict(folder / "m.jsonl", PublishedName)}
    fits = fitting(folder / "out", slice_ids, seed)
    return len(fits), sum(true[i] in s for i, s in fits.items()), sum([true[i]] == s for i, s in fits.items())


def test_with_the_default_seed_names_can_be_undone(labels: tuple[Path, list[AuditedLabel]], tmp_path: Path) -> None:
    root, known = labels
    with pytest.raises(InputError, match="SEED_GUESSABLE"):
        publish(root, known, DEFAULT, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["built"]
    publish(root, known, DEFAULT, tmp_path, guessable_seed=True)
    ids = [label.slice_id for label in known]
    images, fit, alone = found_out(tmp_path, ids, DEFAULT)
    assert fit == images > 50, "the slice of every image is among those that fit"
    assert alone > images / 4, "and for many nothing else fits"
    tried = {seed: found_out(tmp_path, ids, seed)[1] for seed in range(DEFAULT - 3, DEFAULT + 4)}
    assert max(tried, key=lambda seed: tried[seed]) == DEFAULT, "and who does not know the seed tries them all"
    assert all(n < images / 2 for seed, n in tried.items() if seed != DEFAULT)


@pytest.mark.parametrize("seed", PRIVATE)
def test_with_a_seed_that_nobody_knows_they_can_not(
    labels: tuple[Path, list[AuditedLabel]], tmp_path: Path, seed: int
) -> None:
    root, known = labels
    publish(root, known, seed, tmp_path)
    ids = [label.slice_id for label in known]
    images, fit, _ = found_out(tmp_path, ids, DEFAULT)
    assert fit < images / 2
    assert found_out(tmp_path, ids, seed)[1] == images, "the draws are those that the attack repeats"
    kept = {one.seed for one in store.load_strict(tmp_path / "m.jsonl", PublishedName)}
    assert kept == {seed}, "the owner can build it again"
    assert {i.seed for i in store.load_strict(tmp_path / "built" / "closed.parquet", ClosedItem)} == {seed}
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or str(seed).encode() not in path.read_bytes()
    for name, kind in (("closed", ClosedItem), ("open", OpenItem)):
        assert {i.seed for i in store.load_strict(tmp_path / "out" / f"{name}.parquet", kind)} == {None}


def test_the_command_that_the_message_names_draws_a_seed_that_passes(
    labels: tuple[Path, list[AuditedLabel]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = labels[1]
    own = f"PATH={Path(sys.executable).parent}:$PATH; {DRAW_A_SEED}"
    drawn = [int(subprocess.run(["sh", "-c", own], check=True, capture_output=True).stdout) for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert all(2**62 <= seed < 2**63 and not is_guessable(seed) for seed in drawn)
    store.save(tmp_path / "labels.parquet", known, AuditedLabel)
    building = ("build", "benchmark", str(tmp_path / "labels.parquet"), "--out", str(tmp_path / "b"))
    assert run([*building, "--seed", str(drawn[0]), "--per-type", "40", "--twins"]) == 0
    assert {i.seed for i in store.load_strict(tmp_path / "b" / "closed.parquet", ClosedItem)} == {drawn[0]}
    checking = ("check", "benchmark", str(tmp_path / "b" / "closed.parquet"), "--seed", str(drawn[0]))
    assert run(list(checking)) in (0, 1)
    capsys.readouterr()


def test_the_documentation_says_how_long_a_search_takes() -> None:
    """From the rates that it states: per core, and of hashes on a graphics card."""
    text = " ".join(DOCS.read_text("utf-8").split())
    per_core, per_card, year_s = 1e5, 1e10, 365.25 * 86400
    assert "100,000 seeds a second" in text
    assert "ten thousand million" in text
    assert f"{2**32 / per_core / 3600:.0f} hours" == "12 hours"
    assert "12 hours" in text
    assert f"{2**56 / per_core / year_s:,.0f}" == "22,834"
    assert "23,000 years" in text
    assert f"{2**56 / per_card / 86400:.0f} days" == "83 days"
    assert "83 days" in text
    assert f"{2**62 / per_card / year_s:.1f}" == "14.6"
    assert "15 years" in text
    assert DRAW_A_SEED in DOCS.read_text("utf-8")
