"""A person at the playground of a sandbox."""

from playwright.async_api import Page, expect

from app.sandbox.demo import PASSWORD, USERNAME


async def open_flow(page: Page, issuer: str, name: str) -> None:
    """Open a flow, and wait until it can be clicked through."""
    await page.goto(f"{issuer}/sandbox/playground/{name}")
    await page.wait_for_selector("#flow[data-ready]")


async def take(page: Page, number: int, *, decision: str = "approve") -> str:
    """Take a step of the flow, at the login and consent pages too; return the status that is shown of it."""
    step = page.locator(f"#step-{number}")
    await step.locator("[data-answer]").evaluate("place => place.replaceChildren()")
    is_visit = await step.get_attribute("data-visit") is not None
    address = page.url.partition("#")[0]
    await page.evaluate("window.isBefore = true")
    await step.locator("[data-send]").click()
    if is_visit:
        await page.wait_for_function("() => !window.isBefore")  # it may be back already: nobody is asked who was asked before
        while "/sandbox/" not in page.url:
            await _sign_in_or_decide(page, decision)
        await page.wait_for_url(f"{address}#step-{number}")
        await page.wait_for_selector("#flow[data-ready]")
    status = page.locator(f"#step-{number} [data-answer] .status")
    await expect(status).to_be_visible()
    return await status.inner_text()


async def _sign_in_or_decide(page: Page, decision: str) -> None:
    if await page.locator("#password").count():
        await page.fill("#username", USERNAME)
        await page.fill("#password", PASSWORD)
        button = page.locator("button[name=action]").first
    else:
        if await page.locator("input[name=shop]").count() and decision == "approve":
            await page.check("input[name=shop]")
        button = page.locator(f"button[name=decision][value={decision}]")
    async with page.expect_navigation():
        await button.click()
