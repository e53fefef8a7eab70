"""Put questions to a model as it is sent them: the picture made once, the call, and the predictions of its answer."""

import asyncio
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.control_pictures import Deal, PictureName, blank
from neuroonco.errors import InputError
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.picture import Picture, encode_picture
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.predict.ask import Unit
from neuroonco.predict.ask_closed import ClosedQuestions
from neuroonco.predict.ask_open import OpenQuestions
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import OpenPrediction, PictureMode, Prediction
from neuroonco.vocabulary import CallStatus, PredictionStatus

Item = TypeVar("Item", ClosedItem, OpenItem)
Answered = tuple[int, Prediction | OpenPrediction]
Questions = ClosedQuestions | OpenQuestions
SPARE_PICTURES = 8
"""Pictures held beside those of the calls under way, so that the questions of one image share theirs."""


class PictureDesk:
    """Gives each question its picture as it is sent; one that several questions want is read and encoded once."""

    def __init__(self, finder: PictureFinder, mode: PictureMode, deal: Deal | None, endpoint: Endpoint) -> None:
        self._finder, self._mode, self._deal, self.endpoint = finder, mode, deal, endpoint
        self._held: OrderedDict[PictureName, asyncio.Task[Picture | InputError]] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def picture(self, item: ClosedItem | OpenItem) -> Picture | None:
        """The picture to send with a question; None for a model that is shown none.

        Raises:
            InputError: it cannot be read.
        """
        if self._mode is PictureMode.NONE:
            return None
        name = PictureName.of(item)
        if self._deal is not None:
            name = self._deal.given[name]
        if (loop := asyncio.get_running_loop()) is not self._loop:
            self._held, self._loop = OrderedDict(), loop
        task = self._held.get(name)
        if task is None:
            task = self._held[name] = asyncio.ensure_future(asyncio.to_thread(self._encoded, name))
            while len(self._held) > self.endpoint.concurrency + SPARE_PICTURES:
                self._held.popitem(last=False)
        # One asker's cancellation must not take the picture from the others.
        picture = await asyncio.shield(task)
        if isinstance(picture, InputError):
            raise picture
        return picture

    def _encoded(self, name: PictureName) -> Picture | InputError:
        try:
            pixels = self._finder.read(name)
        except InputError as error:
            return error
        return encode_picture(blank(pixels) if self._mode is PictureMode.BLANK else pixels, self.endpoint)


class Asker(Generic[Item]):
    """Puts the questions of one unit; what :func:`neuroonco.walk.asking.ask_all` is given.

    Where an endpoint does not accept the schema of the reply, the call is put once more without it. The first call of a
    run is waited for, so that an endpoint that never accepts one is found out by one call, and a later run, or a
    replay, finds it out by the same.
    """

    def __init__(self, questions: Any, desk: PictureDesk, model: str) -> None:
        self._questions, self._desk, self._model = questions, desk, model
        self._takes_schema = desk.endpoint.json_schema != "none"
        self._refused_schemas = 0
        self._first_is_known = not self._takes_schema
        self._first: asyncio.Lock | None = None

    async def __call__(self, client: ModelClient, unit: Unit[Item]) -> list[Answered]:
        """Predictions of one unit, each with its place in the benchmark."""
        if self._first_is_known:
            return (await self._asked(client, unit))[0]
        if self._first is None:
            self._first = asyncio.Lock()  # it lets them in in the order of the questions
        async with self._first:
            if not self._first_is_known:
                answered, was_asked = await self._asked(client, unit)
                self._first_is_known = was_asked
                return answered
        return (await self._asked(client, unit))[0]

    async def _asked(self, client: ModelClient, unit: Unit[Item]) -> tuple[list[Answered], bool]:
        try:
            picture = await self._desk.picture(unit.items[0])
        except InputError as error:
            missing, why = PredictionStatus.MISSING_IMAGE, f"{error.code}: {error.what}"
            unasked = self._questions.unasked(unit.items, self._model, missing, why)
            return list(zip(unit.places, unasked, strict=True)), False
        call = self._questions.call(unit.items, None if picture is None else picture.sha256)
        answer = await self._answer(client, call, None if picture is None else picture.data)
        predictions = self._questions.predictions(unit.items, answer, self._model)
        return list(zip(unit.places, predictions, strict=True)), True

    async def _answer(self, client: ModelClient, call: ModelCall, image: bytes | None) -> ModelAnswer:
        plain = call if call.schema_ is None else call.model_copy(update={"schema_": None})
        if not self._takes_schema or call.schema_ is None:
            return await client.ask(plain, image)
        answer = await client.ask(call, image)
        if answer.status is not CallStatus.REJECTED:
            return answer
        again = await client.ask(plain, image)
        if not again.status.is_final:
            return again
        self._refused_schemas += 1
        if not self._first_is_known:
            self._takes_schema = False
        return again

    @property
    def settings(self) -> dict[str, str]:
        """What was found out about the endpoint."""
        return {"json_schema": "refused"} if self._refused_schemas else {}

    @property
    def warning(self) -> str | None:
        """One line where the endpoint did not accept the schema."""
        if not self._refused_schemas:
            return None
        if not self._takes_schema:
            return "the endpoint does not accept the schema of the reply: all questions were asked in free text"
        return f"the endpoint did not accept the schema of {self._refused_schemas} replies: asked in free text"
