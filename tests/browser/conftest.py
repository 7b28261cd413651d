"""A stage per test, in the browser that all tests share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from app.browser.pages import Pages
from app.browser.theme import Theme
from tests.browser.stage import Stage

OpenStage = Callable[..., Awaitable[tuple[Stage, Page]]]


@pytest.fixture(scope="session")
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def open_stage(chromium: Browser, pages: Pages) -> AsyncIterator[OpenStage]:
    """Opens stages with the options of a browser context; they are closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened(*, theme: Theme | None = None, **options: Any) -> tuple[Stage, Page]:
            context = await chromium.new_context(**options)
            stack.push_async_callback(context.close)
            stage = Stage(context, Pages(theme) if theme else pages)
            return stage, await stage.open()

        yield opened
