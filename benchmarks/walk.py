"""How close the first stages are to the floor: a bare decode of the same files, in the same run.

    python benchmarks/walk.py [ROOT PROFILE]

Without arguments 300 phantoms are drawn and walked over. Prints CPU seconds and ratios, and the peak memory.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from neuroonco.images import IMAGE_SUFFIXES
from neuroonco.phantoms.write import write_phantoms
from neuroonco.pipeline import Workspace, run_stage
from neuroonco.walk.profile import PhantomPlan, Profile, load_profile, rules_of
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, help="folder of the collections")
    parser.add_argument("profile", nargs="?", help="profile, by name or file; needed with ROOT")
    given = parser.parse_args()
    if given.root is not None and given.profile is None:
        parser.error("ROOT needs a PROFILE")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        if given.root is not None:
            root, profile = given.root, load_profile(given.profile)
        else:
            root = run / "00-phantoms" / "images"
            profile = Profile(name="x", description="x", seed=1, phantoms=PhantomPlan(number=300, seed=1))
            write_phantoms(root, 300, 1, run / "truth.jsonl")
        decode_all(root)  # once unmeasured, so that the floor does not pay for a cold disk
        floor = cpu_s(lambda: decode_all(root))
        print(f"{'bare gray decode':<18} {floor:8.2f} s   1.0 x")
        workspace = Workspace(run=run, folder=run, rules=rules_of(profile))
        for stage in stages_of(profile, root):
            seconds = cpu_s(lambda stage=stage: run_stage(stage, workspace))
            print(f"{stage.name:<18} {seconds:8.2f} s {seconds / floor:5.1f} x")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
