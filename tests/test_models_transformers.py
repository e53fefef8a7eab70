"""A real model behind a real server: random weights, so that it proves the path and no medicine.

Skipped where torch and ``transformers serve`` are absent. Another environment's Python may be named by the variable
NEUROONCO_TRANSFORMERS_PYTHON.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neuroonco.models.endpoints import resolve
from neuroonco.models.picture import encode_picture
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.models.served import ServedClient
from neuroonco.vocabulary import CallStatus

PYTHON = os.environ.get("NEUROONCO_TRANSFORMERS_PYTHON", sys.executable)
NEEDED = "import torch, uvicorn; from transformers import CLIPImageProcessorPil; from transformers.cli import serve"
SERVE = "from transformers.cli.transformers import main; main()"
QUIET = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@pytest.fixture(scope="module")
def model_name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a model that is being served."""
    if subprocess.run([PYTHON, "-c", NEEDED], env=QUIET, capture_output=True, check=False).returncode:
        pytest.skip("torch and transformers with its extra `serving` are not installed")
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([PYTHON, Path(__file__).with_name("tiny_model.py"), folder], env=QUIET, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [PYTHON, "-c", SERVE, "serve", str(folder), "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    with subprocess.Popen(command, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if "Uvicorn running" in line:
                    break
            else:
                pytest.fail("".join(said[-20:]))
            yield f"transformers:{folder}@http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


def asked(name: str, texts: list[str], pictures: list[np.ndarray | None]) -> list[ModelAnswer]:
    model = resolve(name)

    async def run() -> list[ModelAnswer]:
        async with ServedClient(model) as client:
            answers = []
            for text, pixels in zip(texts, pictures, strict=True):
                picture = None if pixels is None else encode_picture(pixels, model.endpoint)
                turns = (Turn(role="system", text="lesion"), Turn(role="user", text=text))
                call = ModelCall(
                    purpose="test",
                    prompt_name="none",
                    prompt_sha256="0",
                    turns=turns,
                    image_sha256=picture.sha256 if picture else None,
                    max_tokens=12,
                )
                answers.append(await client.ask(call, picture.data if picture else None))
            return answers

    return asyncio.run(run())


def test_a_real_model_sees_the_picture_and_answers_in_words(model_name: str) -> None:
    rng = np.random.default_rng(3)
    pictures: list[np.ndarray | None] = [rng.integers(0, 256, (48, 64), dtype=np.uint8) // n for n in range(1, 9)]
    answers = asked(model_name, ["round or oval"] * 9, [*pictures, pictures[0]])
    assert {a.status for a in answers} == {CallStatus.TRUNCATED}
    assert {(a.finish_reason, a.output_tokens, a.attempts) for a in answers} == {("length", 12, 1)}
    assert all(a.text and a.served_model for a in answers)
    assert answers[0].text == answers[-1].text
    assert len({a.text for a in answers}) > 1


def test_a_picture_costs_tokens(model_name: str) -> None:
    with_picture, without = asked(model_name, ["round or oval"] * 2, [np.zeros((40, 40), np.uint8), None])
    assert with_picture.input_tokens is not None
    assert without.input_tokens is not None
    assert with_picture.input_tokens - without.input_tokens == 16
