"""How long instruction data take, against the bare writing of the same lines, and how memory grows with their number.

    python benchmarks/instructions.py [PAIRS ...]

For each number of pairs, by default 50,000 and 200,000: one process streams invented labels as skewed as real ones to
a Parquet file, another makes instruction data of them, as `build instruct --whole` does with every export. Then

- wall, CPU: seconds to read the labels twice, plan, word, check and write; without making the labels;
- x floor: CPU seconds over those that it takes to encode the same published lines as JSON and write them, nothing else;
- peak MiB: largest resident memory of the process that does so; start: of that, before the first label is read.
  Linux and macOS.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.index import index_labels
from neuroonco.build.instruct.build import build_instructions
from neuroonco.build.instruct.export import Export, file_name
from neuroonco.build.instruct.records import FILE_KINDS
from neuroonco.build.labels import LabelFile
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.semantics.records import DescribedSlice, LesionSemantics
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MeasureFrame,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

NUMBERS = (50_000, 200_000)
PAIRS_A_LABEL = 20.9
LINES_AT_ONCE = 10_000
LABELS = "labels.parquet"
SEED = 2602


def invented(number: int) -> Iterator[AuditedLabel]:
    """Labels in the order of their ids; types, sequences and signs are about as unequal as in the collections."""
    rng = random.Random(SEED)

    def pick(kind: type[StrEnum], *weights: float) -> StrEnum:
        return rng.choices(list(kind), weights=weights or None)[0]

    for n in range(number):
        tumor = pick(TumorType, 34, 17, 12, 6, 3, 2, 1.4, 0.8, 12, 12)
        sequence = pick(MRSequence, 20, 40 if tumor is TumorType.MENINGIOMA else 10, 30, 10)
        healthy = tumor is TumorType.HEALTHY
        mask, signs = None, Signs()
        if not healthy:
            signs = Signs(
                margins=pick(Margins, 1, 3),
                texture=pick(Texture, 1, 4),
                enhancement=pick(Enhancement, 3, 5, 1, 2, 1) if sequence is MRSequence.T1CE else None,
                edema=pick(Edema, 3, 2, 1, 4) if sequence in (MRSequence.T2, MRSequence.FLAIR) else None,
                signal_intensity=pick(SignalIntensity, 5, 3, 1, 1) if sequence is not MRSequence.T1CE else None,
            )
            mask = LesionSemantics(
                size=pick(LesionSize, 3, 5, 2),
                shape=pick(Shape, 2, 3, 0, 4, 3),
                spread=pick(LesionSpread, 10, 2, 1),
                location=pick(ImageRegion, 1, 2, 1, 2, 9, 2, 1, 2, 0.3),
                rules="default",
                frame=MeasureFrame.BRAIN_BOX,
            )
        record = DescribedSlice(
            slice_id=f"s{n:016x}",
            sample_id=f"{tumor.value}_{n:07d}",
            source_id=f"{n % 20 + 1:02d}",
            image_path=f"{tumor.value}/{n % 20 + 1:02d}_mask/slice_{n:07d}.png",
            image_sha256=f"{n:064x}",
            height_px=512,
            width_px=512,
            channels=1,
            bit_depth=8,
            tumor_present=not healthy,
            tumor_type=tumor,
            sequence=sequence,
            patient_id=f"p{n // 5}",
            semantics=mask,
        )
        yield AuditedLabel(
            slice_id=record.slice_id,
            sample_id=record.sample_id,
            slice=record,
            lesion_found=not healthy,
            sequence=sequence,
            signs=signs,
        )


def measure(pairs: int, folder: Path) -> None:
    """Make about so many pairs and print what it took."""
    before = peak_mib()
    start, cpu_start = time.perf_counter(), time.process_time()
    found = LabelFile(folder / LABELS)
    index = index_labels(found, SEED)
    indexed = time.perf_counter() - start
    counts = build_instructions(
        folder / "out", found, seed=SEED, rules=load_rules("default"), whole=True, index=index, exports=tuple(Export)
    )
    wall, cpu, peak = time.perf_counter() - start, time.process_time() - cpu_start, peak_mib()
    made = sum(counts[kind] for kind in FILE_KINDS)
    ratio = cpu / floor_s(folder)
    labels = round(pairs / PAIRS_A_LABEL)
    print(
        f"{made:>9} {labels:>8} {counts['dropped']:>8} {indexed:8.1f} {wall:8.1f} {cpu:8.1f} {made / wall:8.0f} "
        f"{ratio:8.1f} {before:8.0f} {peak:8.0f}",
        flush=True,
    )


def floor_s(folder: Path) -> float:
    """CPU seconds to encode the published lines as JSON and write them, and nothing else."""
    seconds = 0.0
    with (folder / "floor.jsonl").open("w", encoding="utf-8") as target:
        for kind in FILE_KINDS:
            with (folder / "out" / file_name(kind)).open(encoding="utf-8") as source:
                while rows := [json.loads(line) for line in islice(source, LINES_AT_ONCE)]:
                    start = time.process_time()
                    for row in rows:
                        target.write(json.dumps(row, ensure_ascii=False) + "\n")
                    seconds += time.process_time() - start
    return seconds


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Run each size in a process of its own."""
    if len(sys.argv) == 4 and sys.argv[1] in ("labels", "measure"):
        pairs, where = int(sys.argv[2]), Path(sys.argv[3])
        if sys.argv[1] == "labels":
            store.save(where / LABELS, invented(round(pairs / PAIRS_A_LABEL)), AuditedLabel)
        else:
            measure(pairs, where)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="*", type=int, metavar="PAIRS", help="default: 50,000 and 200,000")
    numbers = parser.parse_args().pairs or NUMBERS
    names = ("pairs", "labels", "dropped", "index s", "wall s", "CPU s", "pairs/s", "x floor", "start", "peak MiB")
    print(f"{names[0]:>9} " + " ".join(f"{name:>8}" for name in names[1:]))
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("labels", "measure"):
                subprocess.run([sys.executable, __file__, part, str(number), folder], check=True)


if __name__ == "__main__":
    main()
