"""CPU time of the measuring reader a slice, as a ratio to decoding the same pictures in the same run.

    python benchmarks/reader.py [n] [seed]

Draws phantoms, encodes them as PNG, and takes the CPU time of decoding alone and of both readings of each slice, with
the mask and without. Seconds depend on the machine; the ratio less so.
"""

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from neuroonco.images import Gray, Mask
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.write import png_bytes
from neuroonco.readings.measuring import read_slice, read_slice_twice
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import ReadingKind


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def decoded(data: bytes) -> Gray:
    """A gray picture from the bytes of a PNG."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def main() -> None:
    """Print one line a way of reading."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, nargs="?", default=60)
    parser.add_argument("seed", type=int, nargs="?", default=2)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rules = load_rules("default").section("read", ReadRules)
    phantoms = [p for p in (draw_phantom(options.seed, n) for n in range(options.n)) if p.mask is not None]
    files = [png_bytes(p.image) for p in phantoms]
    read_slice_twice(phantoms[0].image, None, rules, None)  # loads the fitted models
    decode = cpu_s(lambda: [decoded(data) for data in files]) / len(files)
    print(f"{len(files)} slices; decoding alone {1000 * decode:.2f} ms a slice")

    def both(mask: Callable[[int], Mask | None]) -> Callable[[], object]:
        return lambda: [
            read_slice_twice(decoded(files[n]), mask(n), rules, p.truth.sequence) for n, p in enumerate(phantoms)
        ]

    def one(kind: ReadingKind) -> Callable[[], object]:
        return lambda: [
            read_slice(decoded(files[n]), p.mask, kind, rules, p.truth.sequence) for n, p in enumerate(phantoms)
        ]

    ways = {
        "both readings, with mask": both(lambda n: phantoms[n].mask),
        "conservative alone, with mask": one(ReadingKind.CONSERVATIVE),
        "skeptical alone, with mask": one(ReadingKind.SKEPTICAL),
        "both readings, without mask": both(lambda _: None),
    }
    for name, work in ways.items():
        spent = cpu_s(work) / len(files)
        print(f"{name:32s} {1000 * spent:7.1f} ms a slice with decoding, {spent / decode:6.1f} times decoding alone")


if __name__ == "__main__":
    main()
