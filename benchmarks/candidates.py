"""How the search for candidate pairs grows: a million hashes, tens of thousands of pictures' words, all synthetic.

    python benchmarks/candidates.py [--hashes 1000000] [--pictures 20000 50000] [--seed 1]

Hashes are random, but 1 % are copies in a random orientation with up to three bits flipped. Words are random, but 1 %
of the pictures share a fifth of their words with another one. Each case runs in a process of its own; printed are
seconds, the memory that the search took beyond its input, the share of planted pairs found, and the pairs in all.
Random words are rarely shared: real ones cost more votes a word, up to the limit of pictures a word.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from neuroonco.curate.candidates import Pairs, hash_pairs, voted_pairs
from neuroonco.curate.keypoints import BITS_PER_WORD, MAX_KEYPOINTS, WORDS
from neuroonco.curate.rules import DuplicateRules
from neuroonco.inspection.fingerprint import all_orientations
from neuroonco.rules import load_rules

COPIES = 0.01
SHARED_WORDS = 0.2
FLIPPED_BITS = 3


def main() -> None:
    """Run each case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--pictures", type=int, nargs="*", default=[20_000, 50_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["hash_pairs", "voted_pairs"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only is not None:
        measure(given.only, (given.hashes or given.pictures)[0], given.seed)
        return
    print(
        f"{'search':<12} {'pictures':>9} {'input s':>8} {'search s':>9} {'input MiB':>10} {'peak MiB':>9} "
        f"{'bytes/pict.':>11} {'planted':>8} {'found':>7} {'pairs':>9}",
        flush=True,
    )
    cases = [("hash_pairs", "--hashes", n) for n in given.hashes]
    cases += [("voted_pairs", "--pictures", n) for n in given.pictures]
    for name, option, number in cases:
        other = "--pictures" if option == "--hashes" else "--hashes"
        command = [sys.executable, __file__, "--only", name, option, str(number), other, "--seed", str(given.seed)]
        subprocess.run(command, check=True)


def measure(name: str, number: int, seed: int) -> None:
    """Search once and print one row."""
    rules = load_rules("default").section("duplicates", DuplicateRules)
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    if name == "hash_pairs":
        hashes, planted = planted_hashes(number, rng)
        prepared, before = time.perf_counter(), peak_mib()
        pairs = hash_pairs(hashes, max_distance=rules.max_hash_distance, max_pictures_a_word=rules.max_pictures_a_word)
    else:
        own, mirrored, owners, planted = planted_words(number, rng)
        prepared, before = time.perf_counter(), peak_mib()
        pairs = voted_pairs(
            own,
            mirrored,
            owners,
            number,
            min_votes=rules.min_votes,
            max_neighbors=rules.max_neighbors,
            max_pictures_a_word=rules.max_pictures_a_word,
        )
    done, after = time.perf_counter(), peak_mib()
    beyond = (after - before) * 2**20 / number
    print(
        f"{name:<12} {number:>9} {prepared - started:8.1f} {done - prepared:9.1f} {before:10.0f} {after:9.0f} "
        f"{beyond:11.0f} {len(planted):>8} {share_found(pairs, planted):7.4f} {len(pairs):>9}",
        flush=True,
    )


def planted_hashes(number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Orientations (number, 8) of random 63-bit hashes, and the (n, 2) indices of originals and copies."""
    hashes = rng.integers(0, 2**63, number, dtype=np.uint64) << np.uint64(1)
    planted = _couples(number, rng)
    turns = rng.integers(0, 8, len(planted))
    copies = all_orientations(hashes[planted[:, 0]])[np.arange(len(planted)), turns]
    flips = rng.integers(0, FLIPPED_BITS + 1, len(planted))
    for nth in range(FLIPPED_BITS):
        bits = np.uint64(1) << rng.integers(1, 64, len(planted), dtype=np.uint64)
        copies = np.where(flips > nth, copies ^ bits, copies)
    hashes[planted[:, 1]] = copies
    return all_orientations(hashes), planted


def planted_words(number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Words, the mirrored pictures' words, owners, and the (n, 2) indices of pictures that share words."""
    shape = (number, MAX_KEYPOINTS, WORDS)
    own = rng.integers(0, 2**BITS_PER_WORD, shape, dtype=np.uint32)
    mirrored = rng.integers(0, 2**BITS_PER_WORD, shape, dtype=np.uint32)
    planted = _couples(number, rng)
    shared = int(MAX_KEYPOINTS * SHARED_WORDS)
    for original, copy in planted[: len(planted) // 2]:
        own[copy, :shared] = own[original, :shared]
    for original, copy in planted[len(planted) // 2 :]:  # the others share them as mirror images
        own[copy, :shared], mirrored[copy, :shared] = mirrored[original, :shared], own[original, :shared]
    owners = np.repeat(np.arange(number, dtype=np.int64), MAX_KEYPOINTS)
    return own.reshape(-1, WORDS), mirrored.reshape(-1, WORDS), owners, planted


def share_found(pairs: Pairs, planted: np.ndarray) -> float:
    """Share of the planted pairs among the found ones."""
    found = {(int(a), int(b)) for a, b in pairs[:, :2]}
    return float(np.mean([(min(a, b), max(a, b)) in found for a, b in planted.tolist()]))


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _couples(number: int, rng: np.random.Generator) -> np.ndarray:
    chosen = rng.permutation(number)[: 2 * max(1, int(number * COPIES))]
    return chosen.reshape(-1, 2)


if __name__ == "__main__":
    main()
