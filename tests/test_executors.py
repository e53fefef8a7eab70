"""Executors: same results in the same order, few pieces under way, and errors that stay one line."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.executors import UNDER_WAY, Executor, ExecutorKind, executor

PROFILE = """
name = "few"
description = "for tests"
seed = 1
models = ["random"]
phantoms = { number = 12, seed = 5 }
"""


def squared(piece: int) -> tuple[int, int]:
    return piece * piece, os.getpid()


def refuse_three(piece: int) -> int:
    if piece == 3:
        raise InputError("CODE", f"piece {piece}", where="here", fix="none")
    return piece


def die(piece: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return piece


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_the_order_of_the_pieces(processes: int) -> None:
    with executor(ExecutorKind.PROCESSES, processes) as working:
        results = list(working.map_ordered(squared, range(40)))
        again = list(working.map_ordered(squared, range(5)))
    assert [value for value, _ in results] == [n * n for n in range(40)]
    assert [value for value, _ in again] == [0, 1, 4, 9, 16]
    assert (os.getpid() in {process for _, process in results}) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_pieces_are_taken_as_work_goes_on(processes: int) -> None:
    taken = 0

    def pieces() -> Iterator[int]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    with executor(ExecutorKind.PROCESSES, processes) as working:
        for count, _ in enumerate(working.map_ordered(squared, pieces()), start=1):
            assert taken <= count + UNDER_WAY * processes
    assert taken == 100


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_work_is_the_same_everywhere(processes: int) -> None:
    with pytest.raises(InputError, match="piece 3") as caught, executor(ExecutorKind.PROCESSES, processes) as working:
        list(working.map_ordered(refuse_three, range(10)))
    assert (caught.value.code, caught.value.where, caught.value.fix) == ("CODE", "here", "none")


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(PrerequisiteError, match="WORKER_DIED"), executor(ExecutorKind.PROCESSES, 2) as working:
        list(working.map_ordered(die, range(4)))


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: an engine leaves threads and settings behind."""
    return subprocess.run(
        [sys.executable, "-m", "neuroonco", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def files_of(run: Path) -> dict[str, str]:
    found = (p for p in run.rglob("*") if p.is_file() and p.name != ".lock")
    return {p.relative_to(run).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def test_without_ray_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "few.toml").write_text(PROFILE)
    (tmp_path / "ray.py").write_text("raise ImportError")  # found before an installed one
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    arguments = ("run", str(tmp_path / "few.toml"), "--out", str(tmp_path / "run"), "--executor", "ray")
    done = command(*arguments, PYTHONPATH=path)
    assert done.returncode == 4
    assert "RAY_MISSING" in done.stderr
    assert 'pip install "neuroonco[ray]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_ray_leaves_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "few.toml").write_text(PROFILE)
    runs = {}
    for kind in ExecutorKind:
        run = tmp_path / kind.value
        arguments = ("run", str(tmp_path / "few.toml"), "--out", str(run), "--executor", kind.value, "--processes", "2")
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        runs[kind] = files_of(run)
    assert runs[ExecutorKind.RAY] == runs[ExecutorKind.PROCESSES]
    assert len(runs[ExecutorKind.RAY]) > 30


RAY_ORDER = """
from neuroonco.errors import InputError
from neuroonco.executors import ExecutorKind, executor

def work(piece):
    if piece == 400:
        raise InputError("CODE", "piece 400")
    return piece * piece

with executor(ExecutorKind.RAY, 2) as working:
    assert list(working.map_ordered(work, [])) == []
    assert list(working.map_ordered(work, range(300))) == [n * n for n in range(300)]
    try:
        list(working.map_ordered(work, range(390, 410)))
    except InputError as error:
        print(error.line)
"""


def test_ray_keeps_order_and_errors(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    script = tmp_path / "order.py"
    script.write_text(RAY_ORDER)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("error[CODE]: piece 400")


def test_executors_are_what_the_pipeline_asks_for() -> None:
    with executor(ExecutorKind.PROCESSES, 1) as working:
        asked: Executor = working
        assert list(asked.map_ordered(refuse_three, [1])) == [1]
