"""How memory grows with the number of slices: the streaming of two stages on synthetic records, without pixels.

    python benchmarks/memory.py [N ...]

For each N, by default 10,000 and 100,000, in a process of its own with two workers: a stage like `catalog` (names in,
records and inspections out, sample ids made unique) and one like `measure` (records in, records out). Prints peak
memory of the main process and of the largest worker, and seconds. Memory that is shared is counted in both. Linux.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from curate import below

from neuroonco.catalog.records import SliceRecord
from neuroonco.executors import ExecutorKind, executor
from neuroonco.inspection.records import Inspection, QualityScores
from neuroonco.outcomes import StageOutcome
from neuroonco.pipeline import LIGHT_SHARD_SIZE, Workspace
from neuroonco.rules import load_rules
from neuroonco.store import sha256_text
from neuroonco.streams import Rows, ShardOutcome, rows_of
from neuroonco.walk.catalogue import INSPECTIONS, unique_names

NUMBERS = (10_000, 100_000)


def catalogued(paths: list[str]) -> ShardOutcome[SliceRecord]:
    """Records and inspections as the catalogue makes them."""
    outcome: ShardOutcome[SliceRecord] = ShardOutcome(beside={INSPECTIONS: []})
    for path in paths:
        digest = sha256_text(path)
        record = SliceRecord(
            slice_id=f"s{digest[:16]}",
            sample_id=path.rpartition("/")[2].removesuffix(".jpg")[:-1],  # ten slices share a name
            source_id="01",
            image_path=path,
            image_sha256=digest,
            height_px=512,
            width_px=512,
            channels=3,
            bit_depth=8,
            source_label="glioma_tumor",
        )
        outcome.kept.append(record)
        looked = Inspection.model_construct(
            slice_id=record.slice_id,
            pixels_hash=digest[:32],
            gray_range=200,
            quality=QualityScores(),
            fingerprint=digest[:16],
        )
        outcome.beside[INSPECTIONS].append(looked)
    return outcome


def measured(rows: Rows[SliceRecord]) -> StageOutcome[SliceRecord]:
    """Records in, records out."""
    return StageOutcome(rows.read())


def stage(name: str, number: int, folder: Path) -> None:
    """Run one stage and print what it took."""
    workspace = Workspace(run=folder, folder=folder / name, rules=load_rules("default"))
    start = time.perf_counter()
    with executor(ExecutorKind.PROCESSES, 2) as workspace.executor:
        if name == "catalog":
            paths = [f"01_brain_tumor/Training/glioma_tumor/slice ({n:08d}).jpg" for n in range(number)]
            pieces = [paths[i : i + LIGHT_SHARD_SIZE] for i in range(0, number, LIGHT_SHARD_SIZE)]
            shards = workspace.stream(pieces, SliceRecord, catalogued, {INSPECTIONS: Inspection})
            counts = workspace.save_shards(shards, change=unique_names(shards))
        else:
            rows = rows_of(folder / "catalog" / "records.parquet", SliceRecord, LIGHT_SHARD_SIZE)
            counts = workspace.save_shards(workspace.stream(rows, SliceRecord, measured))
        wall = time.perf_counter() - start
        workers = max(peak_mib(pid) for pid in below(os.getpid()))
    own = peak_mib(os.getpid())
    print(f"{name:<8} {counts['kept']:>9} {own:9.0f} {workers:10.0f} {wall:8.1f}", flush=True)


def peak_mib(pid: int) -> float:
    """Largest resident memory of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def main() -> None:
    """Run each stage in a process of its own."""
    if len(sys.argv) == 4 and sys.argv[1] in ("catalog", "measure"):
        stage(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, metavar="N", help="slices; default: 10,000 and 100,000")
    numbers = parser.parse_args().numbers or NUMBERS
    print(f"{'stage':<8} {'records':>9} {'main MiB':>9} {'worker MiB':>10} {'wall s':>8}")
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("catalog", "measure"):
                subprocess.run([sys.executable, __file__, name, str(number), folder], check=True)


if __name__ == "__main__":
    main()
