"""The queue in front of the database."""

import asyncio
from collections.abc import Sequence

import pytest

from app.ledger import StorageUnavailable
from app.storage._batch import DEFERRED, Batcher, Deferred

Answers = Sequence["str | Exception | Deferred"]


class Runner:
    """Answers an item by its upper case; holds every batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.answers: dict[str, Exception | Deferred] = {}
        self.error: Exception | None = None

    async def __call__(self, batch: list[str]) -> Answers:
        self.batches.append(batch)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [self.answers.pop(item, item.upper()) for item in batch]


def batcher(run: Runner, size: int = 100, waiting: int = 100, patience: float = 60, few: int | None = None) -> Batcher[str, str]:
    return Batcher(run, size=size, waiting=waiting, patience=patience, few=few)


async def until(condition: asyncio.Future[str]) -> None:
    await asyncio.wait([condition])


async def test_what_comes_while_a_batch_is_on_its_way_makes_the_next_one() -> None:
    run = Runner()
    queue = batcher(run)
    first = queue.submit("a")
    await asyncio.sleep(0)
    others = [queue.submit(item) for item in "bcd"]
    await asyncio.sleep(0)
    assert run.batches == [["a"]]
    run.gate.set()
    assert await asyncio.gather(first, *others) == ["A", "B", "C", "D"]
    assert run.batches == [["a"], ["b", "c", "d"]]


async def test_batches_are_bounded_and_keep_the_order() -> None:
    run = Runner()
    run.gate.set()
    queue = batcher(run, size=2)
    await asyncio.gather(*map(queue.submit, "abcde"))
    assert run.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_of_many_one_half_goes_first() -> None:
    run = Runner()
    run.gate.set()
    queue = batcher(run, few=2)
    await asyncio.gather(*map(queue.submit, "abcdefg"))
    assert run.batches == [["a", "b", "c", "d"], ["e", "f"], ["g"]]


async def test_where_a_batch_takes_long_all_go_at_once() -> None:
    run = Runner()
    queue = batcher(run, few=2)
    first = queue.submit("a")
    await asyncio.sleep(0.03)
    run.gate.set()
    await asyncio.gather(first, *map(queue.submit, "bcdefg"))
    assert run.batches == [["a"], ["b", "c", "d", "e", "f", "g"]]


async def test_nobody_may_queue_beyond_the_limit() -> None:
    run = Runner()
    queue = batcher(run, waiting=3)
    flying = queue.submit("a")
    await asyncio.sleep(0)
    waiting = [queue.submit(item) for item in "bcd"]
    with pytest.raises(StorageUnavailable, match="too many"):
        queue.submit("e")
    run.gate.set()
    assert await asyncio.gather(flying, *waiting) == ["A", "B", "C", "D"]
    assert await queue.submit("e") == "E"


async def test_waiter_that_goes_away_takes_nothing_back() -> None:
    run = Runner()
    queue = batcher(run)
    flying = queue.submit("a")
    await asyncio.sleep(0)
    waiting = [queue.submit(item) for item in "bc"]
    flying.cancel()
    waiting[0].cancel()
    run.gate.set()
    assert await waiting[1] == "C"
    assert run.batches == [["a"], ["b", "c"]]


async def test_who_waited_too_long_is_told_so_and_is_not_sent() -> None:
    run = Runner()
    queue = batcher(run, patience=0.3)
    flying = queue.submit("a")
    await asyncio.sleep(0)
    waiting = queue.submit("b")
    for future in (flying, waiting):
        with pytest.raises(StorageUnavailable, match="too slow"):
            await future
    assert len(run.batches) == 1
    run.gate.set()
    assert await queue.submit("c") == "C"
    assert run.batches == [["a"], ["c"]]


async def test_deferred_item_goes_first_in_the_next_batch() -> None:
    run = Runner()
    run.answers = {"b": DEFERRED, "c": DEFERRED}
    queue = batcher(run)
    first = [queue.submit(item) for item in "abc"]
    await asyncio.sleep(0)
    last = queue.submit("d")
    run.gate.set()
    assert await asyncio.gather(*first, last) == ["A", "B", "C", "D"]
    assert run.batches == [["a", "b", "c"], ["b", "c", "d"]]


async def test_deferred_item_is_done_although_its_waiter_went_away_but_not_once_it_was_told_to_fail() -> None:
    run = Runner()
    run.answers = {"gone": DEFERRED, "told": DEFERRED}
    queue = batcher(run, patience=0.3)
    gone, told = queue.submit("gone"), queue.submit("told")
    await asyncio.sleep(0)
    gone.cancel()
    await until(told)
    run.gate.set()
    assert await queue.submit("c") == "C"
    assert run.batches == [["gone", "told"], ["gone", "c"]]


async def test_error_of_one_item_is_its_own() -> None:
    run = Runner()
    run.answers = {"b": ValueError("b")}
    run.gate.set()
    queue = batcher(run)
    answers = await asyncio.gather(*map(queue.submit, "abc"), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["A", "b", "C"]
    assert isinstance(answers[1], ValueError)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), KeyError("a fault of ours")])
async def test_failed_batch_fails_all_of_it_and_nothing_else(error: Exception) -> None:
    run = Runner()
    run.error = error
    run.gate.set()
    queue = batcher(run)
    answers = await asyncio.gather(*map(queue.submit, "ab"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(error)] * 2
    assert [str(answer) for answer in answers] == [str(error)] * 2
    run.error = None
    assert await queue.submit("c") == "C"


async def test_closing_finishes_what_is_queued_and_takes_nothing_more() -> None:
    run = Runner()
    queue = batcher(run, size=1)
    futures = [queue.submit(item) for item in "abc"]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(queue.close())
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable, match="closed"):
        queue.submit("d")
    run.gate.set()
    await closing
    assert [future.result() for future in futures] == ["A", "B", "C"]
    await queue.close()
