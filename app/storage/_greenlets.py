"""Plain functions that wait inside a greenlet: the event loop goes on while a statement of theirs is under way."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")
A = TypeVar("A")


async def in_greenlet(work: Callable[[A], T], argument: A) -> T:
    """Run a function in a greenlet and return its result; what it waits for by :func:`wait_for` is awaited here."""
    spawned = greenlet(work)
    spawned.gr_context = getcurrent().gr_context  # it reads and sets what the caller's task does
    passed: Any = spawned.switch(argument)
    while not spawned.dead:
        try:
            answer = await passed
        except BaseException as error:  # noqa: BLE001 (the function's to handle)
            passed = spawned.throw(error)
        else:
            passed = spawned.switch(answer)
    result: T = passed
    return result


def wait_for(awaitable: Awaitable[T]) -> T:
    """Wait inside a function that :func:`in_greenlet` runs."""
    answer: T = cast("greenlet", getcurrent().parent).switch(awaitable)
    return answer
