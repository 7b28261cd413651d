"""Transactions of operators on a database with an asynchronous driver."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.ledger import StorageUnavailable
from app.storage._address import Address
from app.storage._cold import judged

T = TypeVar("T")
_TRIES: Final = 3
_UNDONE: Final = ("40001", "40P01")
_POOL_IN: Final = 2.0
"""Seconds to wait for one of our connections."""


class AsyncCold:
    """Over a small pool of connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See :class:`app.storage._cold.Cold`."""
        for _ in range(_TRIES):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                if getattr(getattr(error, "orig", None), "sqlstate", None) not in _UNDONE:
                    raise judged(error) from None
        raise StorageUnavailable("the database undid the work three times")

    async def close(self) -> None:
        """See :class:`app.storage._cold.Cold`."""
        await self._engine.dispose()


def engine_for(address: Address) -> AsyncEngine:
    """Make an engine for an address, whichever driver it names."""
    if address.backend == "postgresql" and address.driver in {"", "asyncpg"}:
        from app.storage._postgresql_link import connect

        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(connect, address.dsn),
            pool_size=2,
            max_overflow=0,
            pool_timeout=_POOL_IN,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    if address.backend == "sqlite":
        return _sqlite_engine(address)
    return create_async_engine(address.url, pool_size=2, max_overflow=0, pool_timeout=_POOL_IN, pool_pre_ping=True, hide_parameters=True)


def _sqlite_engine(address: Address) -> AsyncEngine:
    raise NotImplementedError
