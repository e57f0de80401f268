"""Text that others wrote, for a terminal or a log: shown, and never obeyed."""

import re
import textwrap

_LONGEST = 300
_MARKERS = ("- ", "→ ")
_KEPT = "\ue000"  # for private use: stands for a space at which no line is broken
_PROGRAMS = "cd|docker|gh|git|gitops-flask|helm|kubectl|pipx|python|uv|uvx"
_WHOLE = re.compile(rf"`[^`]+`|(?:(?<=: )|(?<=→ )|(?<=^  ))(?:{_PROGRAMS}) .*$")
_SEQUENCES = re.compile(  # ECMA-48: colours, movements, titles, links; a log's colours are no loss
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, C1 too
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    r"\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # what nobody sees
    r"\u2028\u2029\ud800-\udfff]"  # other ends of lines; halves of characters, which no terminal takes
)


def plain(text: str) -> str:
    """Take terminals' sequences out of a text, and show every other character that would be obeyed or unseen as �."""
    return _UNPRINTABLE.sub("�", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return a text as one line that is not too long; for what is a line, a name or a reason by its nature."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def folded(text: str, width: int, before: int = 0) -> str:
    """Break lines at words, so that no terminal of this width breaks one; `before` columns of each line are taken.

    What somebody may copy stays whole, however long: a link, what stands in backquotes, a command at the end of a line.
    """
    lines = []
    for line in text.split("\n"):
        whole = _WHOLE.sub(lambda found: found[0].replace(" ", _KEPT), line).lstrip(" ")
        indent = " " * (before + len(line) - len(line.lstrip(" ")))
        hanging = indent + "  " * whole.startswith(_MARKERS)
        wrapper = textwrap.TextWrapper(
            width, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
        )
        lines += wrapper.wrap(whole) or [""]
    return "\n".join(lines).replace(_KEPT, " ")[before:]


def paragraph(text: str) -> str:
    """Indent what follows the first line of a text, so that none of it looks like a line of its own."""
    head = text[: len(text) - len(text.lstrip("\n"))]
    return head + re.sub(r"\n(?=\S)", "\n  ", text[len(head) :])
