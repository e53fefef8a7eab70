"""How close the first stages are to the floor: a bare decode of the same files, in the same run.

    python benchmarks/walk.py [ROOT PROFILE]

Without arguments 300 phantoms are drawn and walked over. Prints CPU seconds and ratios, and the peak memory.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from neuroonco.images import IMAGE_SUFFIXES
from neuroonco.phantoms.write import write_phantoms
from neuroonco.pipeline import Workspace, run_stage
from neuroonco.rules import load_rules
from neuroonco.walk.profile import PhantomPlan, Profile, load_profile
from neuroonco.walk.stages import stages_of


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process for some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def decode_all(root: Path) -> None:
    """The floor: read each image file once as gray and do nothing with it."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def main() -> None:
    """Walk stage by stage in one process and compare."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        if len(sys.argv) == 3:
            root, profile = Path(sys.argv[1]), load_profile(sys.argv[2])
        else:
            root = run / "00-phantoms" / "images"
            profile = Profile(name="x", description="x", seed=1, phantoms=PhantomPlan(number=300, seed=1))
            write_phantoms(root, 300, 1, run / "truth.jsonl")
        decode_all(root)  # once unmeasured, so that the floor does not pay for a cold disk
        floor = cpu_s(lambda: decode_all(root))
        print(f"{'bare gray decode':<18} {floor:8.2f} s   1.0 x")
        workspace = Workspace(run=run, folder=run, rules=load_rules(profile.rules))
        for stage in stages_of(profile, root):
            seconds = cpu_s(lambda stage=stage: run_stage(stage, workspace))
            print(f"{stage.name:<18} {seconds:8.2f} s {seconds / floor:5.1f} x")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
