"""Small pieces of HTML: escaped text, tables, and figures that carry their own image, one for each screen width."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape

from matplotlib.figure import Figure

from experiments.report.figures.canvas import render

PHONE_WIDTH = 350.0
PHONE_QUERY = "(max-width: 640px)"


def section(title: str, note: str, *parts: str) -> str:
    """Return a titled section; `note` is plain text."""
    words = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{words}{''.join(parts)}</section>"


def table(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a table; a column is (title, cell class: "n" right-aligned number or ""), a row (class, cells)."""
    head = "".join(f'<th class="{kind}" scope="col">{escape(title)}</th>' for title, kind in columns)
    body = "".join(f'<tr class="{css}">{_cells(columns, cells)}</tr>' for css, cells in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def picture(draw: Callable[[float], Figure], width: float, description: str) -> str:
    """Return a figure with two inline SVGs, drawn for a desktop of `width` pixels and for a phone.

    Args:
        draw: draws the figure for a width.
        width: of the desktop's drawing.
        description: what the figure shows, for those who cannot see it.
    """
    wide, narrow = (_data_uri(render(lambda w=w: draw(w), "svg")) for w in (width, PHONE_WIDTH))  # type: ignore[misc]
    return (
        f'<figure><picture><source media="{PHONE_QUERY}" srcset="{narrow}">'
        f'<img src="{wide}" alt="{escape(description)}"></picture></figure>'
    )


def _cells(columns: Sequence[tuple[str, str]], cells: Sequence[str]) -> str:
    pairs = zip(columns, cells, strict=True)
    return "".join(f'<td class="{kind}">{escape(cell)}</td>' for (_, kind), cell in pairs)


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
