"""One self-contained HTML page: headings, tables, text and pictures in the file itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; margin: .8rem 0 } th, td { padding: .2rem .7rem; text-align: right }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left } img { max-width: 100% }
.error { color: #a00; font-weight: 600 } .warning { color: #a60 } .ok { color: #070 }
.grid { display: flex; flex-wrap: wrap; gap: .8rem } figure { margin: 0; max-width: 22rem }
figcaption { font-size: 13px; color: #555 } code { background: #f2f2f2; padding: 0 .2rem }
"""


class Page:
    """Collects parts in order; `text` is the finished page. All text given is escaped."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = [f"<h1>{_escape(title)}</h1>"]

    def heading(self, text: str) -> None:
        """A second-level heading."""
        self._parts.append(f"<h2>{_escape(text)}</h2>")

    def paragraph(self, text: str, kind: str = "") -> None:
        """A paragraph; kind: "", "ok", "warning" or "error" colours it."""
        attribute = f' class="{_escape(kind)}"' if kind else ""
        self._parts.append(f"<p{attribute}>{_escape(text)}</p>")

    def table(self, header: Sequence[str], rows: Iterable[Sequence[Any]], kinds: Sequence[str] = ()) -> None:
        """A table; kinds: one per row, coloured as in `paragraph`."""
        out = ["<table><thead><tr>", *(f"<th>{_escape(h)}</th>" for h in header), "</tr></thead><tbody>"]
        for i, row in enumerate(rows):
            kind = f' class="{_escape(kinds[i])}"' if i < len(kinds) and kinds[i] else ""
            out.append(f"<tr{kind}>" + "".join(f"<td>{_escape(_cell(c))}</td>" for c in row) + "</tr>")
        self._parts.append("".join(out) + "</tbody></table>")

    def picture(self, data: bytes, caption: str = "", mime: str = "image/png") -> None:
        """One picture, embedded."""
        self._parts.append(_figure(data, caption, mime))

    def gallery(self, pictures: Iterable[tuple[bytes, str]], mime: str = "image/jpeg") -> None:
        """Pictures with captions, side by side."""
        figures = "".join(_figure(data, caption, mime) for data, caption in pictures)
        self._parts.append(f'<div class="grid">{figures}</div>')

    @property
    def text(self) -> str:
        """The page."""
        body = "\n".join(self._parts)
        head = f'<meta charset="utf-8"><title>{_escape(self.title)}</title><style>{_STYLE}</style>'
        return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _figure(data: bytes, caption: str, mime: str) -> str:
    source = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    text = f"<figcaption>{_escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{_escape(caption)}" src="{source}">{text}</figure>'


def _escape(text: Any) -> str:
    return html.escape(str(text))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
