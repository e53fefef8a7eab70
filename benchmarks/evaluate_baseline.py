"""The bare loop that :mod:`evaluate` compares with: the openai package, a semaphore, and nothing else.

    python benchmarks/evaluate_baseline.py BENCHMARK ROOT URL CONCURRENCY [--encode] [--first N]

Each question is one ``chat.completions.create`` with a data URL of its picture and the question with its options as
text. Nothing is parsed, recorded, retried or checked, and no schema of the answer is sent. The picture's file is read
for each question and goes as it is; with ``--encode`` it is decoded and encoded as PNG, by this project's own
functions and once for each image, as `neuroonco predict` does. Prints how many replies came.
"""

import argparse
import asyncio
import base64
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from openai import AsyncOpenAI

Question = tuple[str, str]
"""Path of the picture, and the text."""


def questions_of(benchmark: Path) -> list[Question]:
    """All questions of a closed benchmark in the published form."""
    return [
        (image["image_path"], "\n".join([pair["question"], *(f"{k}. {v}" for k, v in pair["options"].items())]))
        for image in json.loads(benchmark.read_text("utf-8"))
        for pair in image["vqa_pairs"]
    ]


def data_url(path: Path) -> str:
    """The file as it is."""
    kind = "png" if path.suffix.lower() == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def encoding(url: str) -> Callable[[Path], str]:
    """A function that decodes a file and encodes it as PNG, as this project sends it."""
    from neuroonco.images import decode
    from neuroonco.models.endpoints import resolve
    from neuroonco.models.picture import encode_picture

    endpoint = resolve(f"vllm:fake@{url}").endpoint

    @lru_cache(maxsize=64)
    def encoded(path: Path) -> bytes:
        return encode_picture(decode(path.read_bytes(), path.name).luma, endpoint).data

    return lambda path: f"data:image/png;base64,{base64.b64encode(encoded(path)).decode()}"


async def ask(questions: list[Question], root: Path, url: str, concurrency: int, show: Callable[[Path], str]) -> int:
    """Ask everything; gives the number of replies."""
    places = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(api_key="none", base_url=url) as client:

        async def one(path: str, text: str) -> bool:
            async with places:
                shown = {"type": "image_url", "image_url": {"url": show(root / path)}}
                done = await client.chat.completions.create(
                    model="fake",
                    messages=[{"role": "user", "content": [shown, {"type": "text", "text": text}]}],  # type: ignore[list-item, misc]
                    max_tokens=1024,
                    temperature=0.0,
                )
                return bool(done.choices[0].message.content)

        return sum(await asyncio.gather(*(one(*question) for question in questions)))


def main() -> None:
    """Ask and say how many replies came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("url")
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--encode", action="store_true")
    parser.add_argument("--first", type=int)
    given = parser.parse_args()
    questions = questions_of(given.benchmark)[: given.first]
    show = encoding(given.url) if given.encode else data_url
    print(asyncio.run(ask(questions, given.root, given.url, given.concurrency, show)))


if __name__ == "__main__":
    main()
