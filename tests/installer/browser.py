"""A browser with a person in front of it who agrees to everything: it follows pages, forms and redirects.

    python browser.py ADDRESS

Its cookie for GitHub is in BROWSER_COOKIE; what it saw of each page goes to BROWSER_LOG.
"""

import os
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

OURS = "127.0.0.1"


class Form(HTMLParser):
    """The form of a page: where it goes, and what is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        given = dict(attrs)
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"]
        elif tag == "input":
            self.fields[given["name"]] = given["value"]


def visit(address: str, data: dict[str, str] | None = None) -> requests.Response:
    """Ask for a page, or send a form; GitHub alone gets its cookie."""
    ours = urlsplit(address).hostname == OURS
    cookies = {} if ours else {"user_session": os.environ["BROWSER_COOKIE"]}
    session = requests.Session()
    session.trust_env = not ours  # no proxy to this machine
    answer = session.request(
        "GET" if data is None else "POST", address, data=data, cookies=cookies, allow_redirects=False, timeout=30
    )
    with Path(os.environ["BROWSER_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{answer.status_code} {address}\n{answer.text}\n")
    return answer


def browse(address: str) -> None:
    answer = visit(address)
    while answer.ok:
        if answer.is_redirect:
            address = urljoin(address, answer.headers["Location"])
            answer = visit(address)
            continue
        form = Form(answer.text)
        if not form.action:
            return
        address = urljoin(address, form.action)
        answer = visit(address, form.fields)


if __name__ == "__main__":
    browse(sys.argv[1])
