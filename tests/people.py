"""People in front of the console: each has a browser of their own (Chromium), and does what a person would."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

OWN = "a long and private sentence"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, as the tests' set-up installs it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """Somebody logged in; what the page's script or the server complains of is kept."""

    def __init__(self, browser: Browser, address: str, name: str, password: str, **context: Any) -> None:
        self.address = address
        self.name = name
        self.complaints: list[str] = []
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 900}, **context).new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._answered)
        self._log_in(password)

    def go(self, path: str) -> Page:
        """Open a page of the console."""
        self.page.goto(self.address + path)
        return self.page

    def text(self, path: str) -> str:
        """What a page says."""
        return self.go(path).locator("main").inner_text()

    def _log_in(self, password: str) -> None:
        page = self.go("/login")
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        if "/account/password" in page.url:
            page.get_by_label("One-time password").fill(password)
            page.get_by_label("New password", exact=True).fill(OWN)
            page.get_by_label("New password once more").fill(OWN)
            page.get_by_role("button", name="Change it").click()

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _answered(self, response: Any) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")
