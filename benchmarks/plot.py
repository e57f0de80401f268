"""A plot in SVG, without a library: bars side by side, each in parts."""

from collections.abc import Mapping
from html import escape

_COLOURS = ("#2f6f9f", "#8fb8d8", "#e0a458", "#b3cde3")
_LEFT, _WIDTH, _ROW, _BAR = 250, 560, 44, 24


def stacked(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """Draw a horizontal bar for each entry, its parts one after another, its sum at the end."""
    longest = max(sum(parts.values()) for parts in bars.values())
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    height = 70 + _ROW * len(bars)
    body = [f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>']
    for number, name in enumerate(names):
        x = _LEFT + number * 150
        body.append(f'<rect x="{x}" y="{height - 24}" width="12" height="12" fill="{_COLOURS[number]}"/>')
        body.append(f'<text x="{x + 18}" y="{height - 13}">{escape(name)}</text>')
    for row, (label, parts) in enumerate(bars.items()):
        y, end = 42 + row * _ROW, float(_LEFT)
        body.append(f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(label)}</text>')
        for name, seconds in parts.items():
            width = seconds / longest * _WIDTH
            colour = _COLOURS[names.index(name)]
            body.append(f'<rect x="{end:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>')
            end += width
        body.append(f'<text x="{end + 8:.1f}" y="{y + 17}">{sum(parts.values()):.0f} s</text>')
    size = f'width="{_LEFT + _WIDTH + 80}" height="{height}"'
    style = 'font-family="sans-serif" font-size="13" fill="#222"'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{background}{"".join(body)}</svg>\n'
