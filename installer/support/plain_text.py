"""Text that others wrote, for a terminal or a log: shown, and never obeyed."""

import re
import textwrap
import unicodedata

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
_SUSPECT = re.compile(r"[^\t\n -~]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of what is obeyed, turns the direction of writing, is not seen, ends a line or is half a character."""
_BLANKS = re.compile(  # Unicode's Default_Ignorable_Code_Point beyond those categories, and Braille's empty cell
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    r"\U000e0000-\U000e0fff]"
)
_JOINER, _SELECTORS = "\u200d", ("\ufe0e", "\ufe0f")
_SYMBOLS = frozenset({"So", "Sk", "Sm", "Po"})


def plain(text: str) -> str:
    """Take terminals' sequences out of a text, and show every other character that would be obeyed or unseen as �."""
    return _SUSPECT.sub(_seen, _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def _seen(found: re.Match[str]) -> str:
    """Return a character where people see it, or see it change the symbol before it, as in emoji."""
    sign, text = found[0], found.string
    before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
    if sign in _SELECTORS and _category(before) in _SYMBOLS:
        return sign
    if sign == _JOINER and (before in _SELECTORS or _category(before) in _SYMBOLS) and _category(after) == "So":
        return sign
    return "�" if _category(sign) in _UNSEEN or _BLANKS.match(sign) else sign


def _category(sign: str) -> str:
    return unicodedata.category(sign) if sign else ""


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
    """Make a text plain, and indent what follows its first line, so that none of it looks like a line of its own."""
    text = plain(text)
    head = text[: len(text) - len(text.lstrip("\n"))]
    return head + re.sub(r"\n(?=\S)", "\n  ", text[len(head) :])
