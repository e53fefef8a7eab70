"""Does training on our data teach what pictures show? A small model from random weights, phantoms, and two controls.

    python benchmarks/train_study.py [--phantoms 4000] [--steps 500] [--out DIR] [--seed 101] [--device cpu]
    python benchmarks/train_study.py --throughput --peak-tflops 989 [--out DIR]

Phantoms are drawn; those of the seed make instruction data (`build instruct`), others, of another seed, a balanced
benchmark (`build benchmark`), both labeled with the truth of the drawing. Lesions that nobody could see are in neither.
`neuroonco train study` then trains a small Qwen3-VL (`small_qwen.py`, by `train_study.toml`) three times on the same
text: with the pictures, with gray ones, with those of others; and asks all of them, and the untrained one, the same
questions. Printed are all runs and what the pictures taught. What holds for phantoms holds for phantoms.

The base stands for a large pretrained model in one thing: it can read, i.e. it takes the letter of a term that is
stated in words (--reading steps of text, `small_qwen_lessons.py`). Its vision tower is random: all that it sees it has
to learn from the data. With --reading 0 all weights are random. --types chooses among types of questions; those of
other types are neither trained on nor asked.

Claims, and exit code 1 where one fails: tuned minus untrained at least 20 points, tuned minus trained without pictures
(the better way of asking it) at least 15 points.

Killed and started again with the same arguments, it goes on where it was. Two cores: see docs/training-at-size.md.

--throughput trains a model of about 0.8 billion random weights on a GPU for some steps, and prints samples and tokens a
second, and the share of the GPU's peak in bfloat16: 6 x weights x tokens a second / peak. Each weight costs a
multiplication and an addition a token forward, and twice that backward; attention itself, patches beyond tokens, and
recomputing are left out, and every weight counts for every token, so that the figure is rough. Linux.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import small_qwen
import small_qwen_lessons

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem
from neuroonco.intervals import Estimate
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_images
from neuroonco.report.study_records import Contrast, Study, StudyRole
from neuroonco.semantics.records import DescribedSlice, LesionSemantics
from neuroonco.train.finished import read_trained
from neuroonco.train.recipe import read_recipe
from neuroonco.train.training_folder import toml_of
from neuroonco.vocabulary import MeasureFrame, PhantomStyle, TumorType

OPEN, CLOSED = "instruction_open_train.jsonl", "instruction_closed_nocot_train.jsonl"
SEVERAL = ("detail", "reasoning")
"""Open questions about several facts; they have the type of the first."""
RECIPE = Path(__file__).with_suffix(".toml")
OVER_UNTRAINED, OVER_TEXT_ALONE = 0.20, 0.15
DRAWN_AT_ONCE = 100
SIDE_PX = 256
STATED_AGAIN = 300
SEED_APART = 101
"""Between the series that is trained on and the one that is asked about."""
ASKED_WITHOUT_PICTURES = (StudyRole.BLANK_ON_BLANK, StudyRole.BLANK_ON_REAL)


# --- material ---


def drawn(folder: Path, number: int, seed: int, style: PhantomStyle) -> Path:
    """A series of phantoms with labels that say what was drawn; what of it is there already is not drawn again."""
    starts = range(0, number, DRAWN_AT_ONCE)
    parts = [(folder, start, min(DRAWN_AT_ONCE, number - start), seed, style) for start in starts]
    truths = []
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        for done, part in enumerate(executor.map(_part, parts), 1):
            truths += part
            print(
                f"\r{folder.name}: {len(truths)} of {number} drawn", end="\n" if done == len(parts) else "", flush=True
            )
    labels = sorted(_labels(truths, folder / "images"), key=lambda label: label.slice_id)
    store.save(folder / "labels.parquet", labels, AuditedLabel)
    return folder / "labels.parquet"


def _part(part: tuple[Path, int, int, int, PhantomStyle]) -> list[PhantomTruth]:
    folder, start, number, seed, style = part
    cv2.setNumThreads(1)
    path = folder / "parts" / f"{start:06d}.jsonl"
    if path.exists():
        there = store.load_strict(path, PhantomTruth)
        if len(there) == number and all(truth.seed == seed and truth.style is style for truth in there):
            return there
    truths = list(write_images(folder / "images", range(start, start + number), seed, style))
    store.save(path, truths, PhantomTruth)
    return truths


def _labels(truths: list[PhantomTruth], root: Path) -> Iterator[AuditedLabel]:
    """Labels as readers without fault would give them, of all slices whose lesion can be seen, or that have none."""
    for truth in truths:
        if truth.conspicuous is False:
            continue
        has_tumor = truth.tumor_type is not TumorType.HEALTHY
        mask = LesionSemantics(
            size=truth.size,
            shape=truth.signs.shape,
            spread=truth.spread,
            location=truth.region,
            rules="truth",
            frame=MeasureFrame.BRAIN_BOX,
        )
        name = f"{truth.style.value}-{truth.seed}-{truth.number:06d}"
        record = DescribedSlice(
            slice_id=name,
            sample_id=name,
            source_id="phantoms",
            image_path=truth.image_path,
            image_sha256=store.sha256_file(root / truth.image_path),
            height_px=SIDE_PX,
            width_px=SIDE_PX,
            channels=1,
            bit_depth=8,
            tumor_present=has_tumor,
            tumor_type=truth.tumor_type,
            sequence=truth.sequence,
            plane=truth.plane,
            patient_id=name,
            semantics=mask if has_tumor else None,
        )
        yield AuditedLabel(
            slice_id=name,
            sample_id=name,
            slice=record,
            lesion_found=has_tumor,
            sequence=truth.sequence,
            signs=truth.signs,
        )


def command(*words: object) -> None:
    """Run our command; its errors end this one."""
    done = subprocess.run([sys.executable, "-m", "neuroonco", *(str(word) for word in words)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def instructions(out: Path, number: int, seed: int) -> tuple[Path, Path]:
    """Folder of instruction data about phantoms, and the root of their pictures."""
    folder, made = out / "phantoms" / "train", out / "instructions"
    if not (made / "statistics.json").exists():
        command("build", "instruct", drawn(folder, number, seed, PhantomStyle.TUNED), "--out", made, "--whole")
    return made, folder / "images"


def of_types(made: Path, benchmark: Path, types: frozenset[str]) -> tuple[Path, Path]:
    """Instruction data and benchmark with questions of these types alone, beside the whole; none stands for all."""
    if not types:
        return made, benchmark / "closed.parquet"
    names = "-".join(sorted(types))
    folder, asked = made.with_name(f"{made.name}-{names}"), benchmark / f"closed-{names}.parquet"
    folder.mkdir(exist_ok=True)
    for name in (OPEN, CLOSED):
        rows = [(line, json.loads(line)["meta"]) for line in (made / name).read_text("utf-8").splitlines()]
        kept = [line for line, meta in rows if meta["question_type"] in types and meta["subtype"] not in SEVERAL]
        store.write_text(folder / name, "".join(f"{line}\n" for line in kept))
    items = [
        item for item in store.load_strict(benchmark / "closed.parquet", ClosedItem) if item.question_type in types
    ]
    store.save(asked, items, ClosedItem)
    return folder, asked


def base(out: Path, made: Path, seed: int, shape: small_qwen.Shape, steps: int = 0) -> Path:
    """Folder of a model that is trained in the study.

    Args:
        steps: of reading, see :mod:`small_qwen_lessons`; none leaves all weights random.
    """
    folder, whole = out / "base", out / "base" / "preprocessor_config.json"
    if whole.exists():
        return folder
    rows = made / CLOSED
    reading = small_qwen_lessons.Reading(rows, seed)
    texts = [*small_qwen.texts_of([made / OPEN, rows]), *list(reading.stated()) * STATED_AGAIN]

    def teach(model: Any, tokenizer: Any) -> None:
        if steps:
            share = small_qwen_lessons.teach_reading(model, tokenizer, reading, steps)
            print(f"base: reads a stated term in {share:.1%}")

    print(f"base: {small_qwen.make(folder, texts, seed=seed, shape=shape, teach=teach):,} weights")
    return folder


def recipe(out: Path, *, steps: int, seed: int, device: str) -> Path:
    """The recipe with these changes, as a file."""
    read, _ = read_recipe(str(RECIPE))
    document = read.model_dump(mode="json", exclude_none=True)
    document["model"]["device"] = device
    document["optimization"] |= {"max_steps": steps, "seed": seed}
    store.write_text(out / RECIPE.name, toml_of(type(read).model_validate(document)))
    return out / RECIPE.name


# --- study ---


def studied(given: argparse.Namespace, out: Path) -> bool:
    """Make everything, run the study and print it; whether its claims hold."""
    made, root = instructions(out, given.phantoms, given.seed)
    asked, benchmark = out / "phantoms" / "asked", out / "benchmark"
    if not (benchmark / "benchmark.json").exists():
        labels = drawn(asked, given.asked, given.seed + SEED_APART, PhantomStyle.TUNED)
        command("build", "benchmark", labels, "--out", benchmark, "--whole", "--per-type", given.per_type)
    made, questions = of_types(made, benchmark, frozenset(given.types))
    words = ["train", "study", recipe(out, steps=given.steps, seed=given.seed, device=given.device)]
    words += [
        "--data",
        made,
        "--root",
        root,
        "--model",
        base(out, made, given.seed, small_qwen.SMALL, given.reading),
    ]
    words += ["--benchmark", questions, "--benchmark-root", asked / "images"]
    command(*words, "--out", out / "study", "--batch-size", 64, "--device", given.device)
    return told(Study.model_validate(store.read_json(out / "study" / "study.json")))


def told(study: Study) -> bool:
    """Print a study; whether the claims hold."""
    seed = study.seeds[0]
    print(f"\n{study.questions} questions about {study.images} phantoms, {study.scoring}, form {study.form}")
    print(f"best without a look at the picture: {study.chance:.1%}" if study.chance is not None else "")
    print(f"\n{'run':<26} {'n':>5} {'right':>7}  95 %")
    for run in seed.runs:
        print(f"{run.role:<26} {run.accuracy.n:>5} {_share(run.accuracy)}")
    kinds = sorted({kind for run in seed.runs for kind in run.by_type})
    print(f"\n{'by type':<26} {'n':>5} " + " ".join(f"{run.role.value[:14]:>14}" for run in seed.runs))
    for kind in kinds:
        cells = [run.by_type.get(kind) for run in seed.runs]
        number = max(cell.n for cell in cells if cell is not None)
        shares = ["" if cell is None or cell.value is None else f"{cell.value:.1%}" for cell in cells]
        print(f"{kind:<26} {number:>5} " + " ".join(f"{share:>14}" for share in shares))
    print(f"\n{'tuned minus':<26} {'n':>5} {'points':>7}  95 %")
    for contrast in seed.contrasts:
        difference = contrast.pair.difference
        if None not in (difference.value, difference.low, difference.high):
            bounds = f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
            print(f"{contrast.second:<26} {difference.n:>5} {100 * difference.value:>+7.1f}  {bounds}")
    for training in seed.trainings:
        rows, seconds = training.trained.rows, training.trained.seconds
        print(
            f"trained with {training.pictures} pictures: {training.trained.steps} steps, {rows} rows, {seconds:.0f} s"
        )
    print(f"\n{study.headline}")
    over_untrained = _least(seed.contrasts, (StudyRole.BASE,))
    over_text = _least(seed.contrasts, ASKED_WITHOUT_PICTURES)
    holds = study.complete and over_untrained >= OVER_UNTRAINED and over_text >= OVER_TEXT_ALONE
    print(f"tuned minus untrained: {100 * over_untrained:+.1f} points, claimed are {100 * OVER_UNTRAINED:.0f}")
    print(f"tuned minus text alone: {100 * over_text:+.1f} points, claimed are {100 * OVER_TEXT_ALONE:.0f}")
    print("holds" if holds else "FAILS")
    return holds


def _share(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"{'-':>7}"
    return f"{found.value:>7.1%}  {found.low:.1%} to {found.high:.1%}"


def _least(contrasts: tuple[Contrast, ...], others: tuple[StudyRole, ...]) -> float:
    """Smallest of the differences of the tuned model to others; -1 where one was not measured."""
    found = [c.pair.difference.value for c in contrasts if c.first is StudyRole.TUNED and c.second in others]
    return min((-1.0 if value is None else value for value in found), default=-1.0)


# --- throughput ---


def throughput(given: argparse.Namespace, out: Path) -> None:
    """Train a larger model for some steps on a GPU, and print how fast."""
    made, root = instructions(out, given.phantoms, given.seed)
    folder = base(out, made, given.seed, small_qwen.MIDDLE)
    words = ["train", "run", RECIPE, "--model", folder, "--data", made, "--root", root, "--out", out / "throughput"]
    changes = {
        "model.device": "cuda",
        "model.dtype": "bfloat16",
        "data.held_out_share": 0,
        "optimization.max_steps": given.steps,
        "optimization.learning_rate": 1e-5,
        "optimization.batch_size": 32,
        "optimization.device_batch_size": 32,
        "optimization.workers": 8,
        "schedule.save_every_steps": given.steps,
    }
    command(*words, *(word for name, value in changes.items() for word in ("--set", f"{name}={value}")))
    trained = read_trained(out / "throughput")
    if trained.tokens_per_s is None:
        raise SystemExit("nothing was timed")
    flops_per_s = 6 * trained.parameters * trained.tokens_per_s
    print(f"{trained.device}: {trained.parameters:,} weights, {trained.steps} steps, {trained.seconds:.0f} s")
    print(f"{trained.tokens_per_s:,.0f} tokens/s; 6 x weights x tokens/s = {flops_per_s / 1e12:.1f} TFLOP/s")
    if given.peak_tflops:
        print(f"{flops_per_s / 1e12 / given.peak_tflops:.1%} of {given.peak_tflops:.0f} TFLOP/s")


def main() -> None:
    """Study, or throughput."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phantoms", type=int, default=4000, help="that are trained on")
    parser.add_argument("--asked", type=int, default=900, help="phantoms of the benchmark")
    parser.add_argument("--per-type", type=int, default=160, help="most questions of a type")
    parser.add_argument("--types", nargs="*", default=["modality"], help="of questions; none for all")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument(
        "--reading", type=int, default=400, help="steps of text that the base model has had; 0 for none"
    )
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--device", help="default: a GPU if there is one")
    parser.add_argument("--out", type=Path, help="folder to work in, kept; what is whole in it is not made again")
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument("--peak-tflops", type=float, help="of the GPU, dense bfloat16, from its data sheet")
    given = parser.parse_args()
    if given.device is None:
        import torch

        given.device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as temporary:
        out = (given.out or Path(temporary)).absolute()
        out.mkdir(parents=True, exist_ok=True)
        if given.throughput:
            throughput(given, out)
        elif not studied(given, out):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
