"""How close looking at every slice comes to the floor: a bare gray decode of the same files, in the same run.

    python benchmarks/curate.py DIR [--passes N] [--source ID] [--skip-ray]

DIR holds the folders of collections as for `neuroonco catalog DIR`, or is one collection with --source. Compared are

- bare: OpenCV reads every catalogued image, and every mask that is an image, as gray, and does nothing with it;
- reference: one after the other, images read in color as OpenCV does by default, masks as gray, one JSON file an image;
- ours: the stage `catalog` as `neuroonco run` does it: records, masks, content hashes, quality scores, fingerprints,
  written as Parquet; in one process, in two, and on Ray Data if it is installed.

Every variant is a process of its own that walks the files N times. CPU seconds are those of all processes, start-up
included. Peak memory is the sum over all processes (shared pages are shared out), and of the largest alone. Linux.
"""

import argparse
import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLED_EVERY_S = 0.05
START_FILES = 200


def main() -> None:
    """Compare, and print one line a variant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--source")
    parser.add_argument("--skip-ray", action="store_true")
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.variant:
        work_as(given.variant, given.root.absolute(), given.source, given.passes, given.work)
        return
    # Workers that outlive their parent become our children, so that their CPU time is known.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        compare(given, work)
        measure_start(given.root.absolute(), work)


def compare(given: argparse.Namespace, work: Path) -> None:
    """Run every variant and print what it took."""
    measured("list", given, work)  # warms the disk's cache too
    files = json.loads((work / "files.json").read_text())
    counts = f"{len(files['images'])} images, {len(files['masks'])} masks, {files['slices']} slices"
    print(f"{counts}, {given.passes} passes")
    print(
        f"{'variant':<12} {'CPU s':>8} {'wall s':>8} {'x bare':>7} {'slices/CPU s':>13} {'all MiB':>8} {'one MiB':>8}"
    )
    variants = ["bare", "reference", "ours-1", "ours-2"]
    if importlib.util.find_spec("ray") is not None and not given.skip_ray:
        variants.append("ours-ray")
    floor = 0.0
    for variant in variants:
        cpu, wall, total, largest = measured(variant, given, work)
        floor = floor or cpu
        rate = files["slices"] * given.passes / cpu
        print(
            f"{variant:<12} {cpu:8.2f} {wall:8.2f} {cpu / floor:7.2f} {rate:13.0f} {total:8.0f} {largest:8.0f}",
            flush=True,
        )


def measured(variant: str, given: argparse.Namespace, work: Path) -> tuple[float, float, float, float]:
    """CPU and wall seconds of one variant, and its peak memory in MiB: of all its processes, and of the largest."""
    command = [sys.executable, __file__, str(given.root), "--passes", str(given.passes), "--variant", variant]
    command += ["--work", str(work), *(["--source", given.source] if given.source else [])]
    start = time.perf_counter()
    child = subprocess.Popen(command)
    peak = Peak()
    cpu = 0.0
    status = 0
    wall = 0.0
    while True:
        try:
            pid, code, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        if pid == child.pid:
            child.returncode, status, wall = code, code, time.perf_counter() - start
    peak.stop()
    if status:
        sys.exit(f"{variant} failed")
    # An engine's own daemons end their workers without passing on what they used; then what was seen counts.
    return max(cpu, peak.cpu_s), wall, peak.total, peak.largest


class Peak:
    """Watches the memory of all processes below this one."""

    def __init__(self) -> None:
        self.total = self.largest = 0.0
        self._ticks: dict[tuple[int, int], int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes that were seen, up to when each was last seen."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLED_EVERY_S):
            processes = below(os.getpid())
            for pid in processes:
                self._ticks.update(cpu_ticks(pid))
            sizes = [size for pid in processes if (size := pss_mib(pid)) is not None]
            self.total = max(self.total, sum(sizes))
            self.largest = max([self.largest, *sizes])


def below(top: int) -> list[int]:
    """Ids of all processes below one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, pending = [], [top]
    while pending:
        for pid in children.get(pending.pop(), []):
            found.append(pid)
            pending.append(pid)
    return found


def cpu_ticks(pid: int) -> dict[tuple[int, int], int]:
    """CPU time of one process, by its id and start; nothing if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return {}
    return {(pid, int(fields[19])): int(fields[11]) + int(fields[12])}


def pss_mib(pid: int) -> float | None:
    """Memory of one process, pages shared with others in proportion."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), None)


# --- variants, each in a process of its own ---


def work_as(variant: str, root: Path, source_id: str | None, passes: int, work: Path) -> None:
    """Do what a variant does, so many times."""
    if variant == "list":
        list_files_of(root, source_id, work)
        return
    if variant.startswith("ours"):
        ours(root, source_id, passes, work / variant, variant.removeprefix("ours-"))
        return
    files = json.loads((work / "files.json").read_text())
    for _ in range(passes):
        (bare if variant == "bare" else reference)(root, files, work / "json")


def bare(root: Path, files: dict[str, list[str]], _out: Path) -> None:
    """The floor."""
    import cv2

    for path in [*files["images"], *files["masks"]]:
        cv2.imread(f"{root}/{path}", cv2.IMREAD_GRAYSCALE)


def reference(root: Path, files: dict[str, list[str]], out: Path) -> None:
    """Serial color reads and one JSON file an image, with the few fields that its metadata have."""
    import cv2

    out.mkdir(exist_ok=True)
    for number, path in enumerate(files["images"]):
        image = cv2.imread(f"{root}/{path}")
        height, width, channels = image.shape
        record = {
            "sample_id": f"{number:07d}",
            "image_path": path,
            "height": height,
            "width": width,
            "channels": channels,
            "tumor_type": Path(path).parent.name,
        }
        (out / f"{number:07d}.json").write_text(json.dumps(record, indent=2))
    for path in files["masks"]:
        cv2.imread(f"{root}/{path}", cv2.IMREAD_GRAYSCALE)


def ours(root: Path, source_id: str | None, passes: int, run: Path, how: str) -> None:
    """The stage `catalog`."""
    from neuroonco.executors import ExecutorKind, executor
    from neuroonco.pipeline import Workspace
    from neuroonco.rules import load_rules
    from neuroonco.sources import load_sources
    from neuroonco.walk.catalogue import catalog

    kind, processes = (ExecutorKind.RAY, 2) if how == "ray" else (ExecutorKind.PROCESSES, int(how))
    workspace = Workspace(run=run, folder=run, rules=load_rules("default"))
    with executor(kind, processes) as workspace.executor:
        for number in range(passes):
            workspace.folder = run / str(number)
            catalog(workspace, root=root, folders=folders_of(root, source_id), sources=load_sources())
            shutil.rmtree(workspace.folder)


def folders_of(root: Path, source_id: str | None) -> dict[str, str]:
    """Source id -> folder."""
    from neuroonco.catalog.scan import recognize_folders

    return {source_id: ""} if source_id else dict(sorted(recognize_folders(root)[0].items()))


def list_files_of(root: Path, source_id: str | None, work: Path) -> None:
    """Catalogue once, and note which files that took."""
    from neuroonco import store
    from neuroonco.catalog.records import SliceRecord
    from neuroonco.images import IMAGE_SUFFIXES
    from neuroonco.pipeline import Workspace
    from neuroonco.rules import load_rules
    from neuroonco.sources import load_sources
    from neuroonco.walk.catalogue import catalog

    run = work / "list"
    folders = folders_of(root, source_id)
    workspace = Workspace(run=run, folder=run, rules=load_rules("default"))
    catalog(workspace, root=root, folders=folders, sources=load_sources())
    images: dict[str, str] = {}
    masks: dict[str, None] = {}
    slices = 0
    for record in store.stream(run / "records.parquet", SliceRecord):
        slices += 1
        images[record.image_path] = record.source_id
        if record.mask is not None and record.mask.path.lower().endswith(IMAGE_SUFFIXES):
            masks[record.mask.path] = None
    by_source = {s: [p for p, i in images.items() if i == s] for s in folders}
    document = {"images": list(images), "masks": list(masks), "slices": slices, "of": by_source, "folders": folders}
    (work / "files.json").write_text(json.dumps(document))


def measure_start(root: Path, work: Path) -> None:
    """Print how long `neuroonco catalog` takes for a few files, from a cold start of the interpreter."""
    files = json.loads((work / "files.json").read_text())
    chosen, paths = max(files["of"].items(), key=lambda item: len(item[1]))
    few = work / "few"
    for path in paths[:START_FILES]:
        target = few / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
    folder = few / files["folders"][chosen]
    command = [
        sys.executable,
        "-m",
        "neuroonco",
        "catalog",
        str(folder),
        "--source",
        chosen,
        "--out",
        str(work / "x.parquet"),
    ]
    shown = []
    for _ in range(3):
        start, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, capture_output=True)
        wall, after = time.perf_counter() - start, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        shown.append(f"{wall:.2f} s ({cpu:.2f} s CPU)")
    print(f"`neuroonco catalog` on {min(len(paths), START_FILES)} files, three times: {', '.join(shown)}")


if __name__ == "__main__":
    main()
