"""A sheet of paper built from headings, texts, tables and months; the only module that knows the PDF library."""

import io
from calendar import Calendar
from collections.abc import Collection, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from xml.sax.saxutils import escape

from reportlab.lib import colors, pagesizes, styles, units
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.platypus import doctemplate, flowables, paragraph, tables

from medsync_app.domain.letters import in_encoding, within

_MARGIN: Final = 16
#: The fonts that every reader has know Latin-1 and a few signs more; texts with other letters bring their own font.
_USUAL: Final = in_encoding("cp1252")
_OWN_FONTS: Final = ("Roboto-Regular", "Roboto-Bold")
_SUNDAY: Final = 6


def printable(text: str) -> str:
    """The text in letters that the own font has: Latin, Greek and Cyrillic with their accents; others become "?"."""
    return within(text, lambda letter: letter == "\n" or ord(letter) in _own_letters())


@cache
def _own_letters() -> Collection[int]:
    folder = Path(__file__).parent / "fonts"
    for name in _OWN_FONTS:
        cast(Any, pdfmetrics).registerFont(ttfonts.TTFont(name, folder / f"{name}.ttf"))
    return cast(Any, pdfmetrics.getFont(_OWN_FONTS[0])).face.charToGlyph


def _font_for(text: str, *, bold: bool) -> str:
    if all(map(_USUAL, text)):
        return "Helvetica-Bold" if bold else "Helvetica"
    _own_letters()
    return _OWN_FONTS[bold]


class Sheet:
    """Collects what stands on the sheet; `scale` 1.0 is for staff, 1.6 is large print for patients.

    `title` and `foot` stand in the file and on each page: no patient's name belongs there.
    """

    def __init__(
        self, title: str, *, foot: str, language: str = "en", scale: float = 1.0, wide: bool = False
    ) -> None:
        self._title, self._foot, self._language = printable(title), printable(foot), language
        self._scale = scale
        letter = pagesizes.letter
        self._page = pagesizes.landscape(letter) if wide else letter
        self._width = self._page[0] - 2 * _MARGIN * units.mm
        self._story: list[Any] = []

    def heading(self, text: str, level: int = 1) -> None:
        """A heading; level 1 is the sheet's own."""
        size = {1: 17.0, 2: 12.5}.get(level, 10.5)
        if level > 1:
            self.space(3)
        self._paragraph(text, size, bold=True, after=4)

    def text(self, text: str, *, size: float = 10.0, bold: bool = False) -> None:
        """A paragraph."""
        self._paragraph(text, size, bold=bold, after=4)

    def lines(self, texts: Sequence[str]) -> None:
        """Short lines below each other, marked as a list."""
        for text in texts:
            self._paragraph(f"•  {text}", 10.0, after=2, indent=10)

    def space(self, millimetres: float = 4) -> None:
        """Room."""
        self._story.append(flowables.Spacer(1, millimetres * units.mm))

    def signature(self, *labels: str) -> None:
        """A line to write on for each label, side by side."""
        self.space(14)
        width = self._width / len(labels)
        table = tables.Table([[self._cell(label) for label in labels]], colWidths=[width] * len(labels))
        style: list[Any] = [
            ("LINEABOVE", (column, 0), (column, 0), 0.8, colors.black) for column in range(len(labels))
        ]
        cast(Any, table).setStyle(tables.TableStyle(style))
        self._story.append(table)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float]) -> None:
        """A table whose head is repeated on each page; `shares` are the widths, of their sum."""
        widths = [self._width * share / sum(shares) for share in shares]
        content = [[self._cell(head, bold=True) for head in heads]]
        content += [[self._cell(text) for text in row] for row in rows]
        made = tables.Table(content, colWidths=widths, repeatRows=1)
        style: list[Any] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 1, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, colors.grey),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ]
        cast(Any, made).setStyle(tables.TableStyle(style))
        self._story.append(made)

    def month(self, name: str, day_names: Sequence[str], first: date, marked: Collection[date]) -> None:
        """A month from Sunday on; marked days stand in a thick frame."""
        weeks = Calendar(_SUNDAY).monthdatescalendar(first.year, first.month)
        content: list[list[Any]] = [[self._cell(one, bold=True) for one in day_names]]
        style: list[Any] = [("GRID", (0, 1), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        for row, week in enumerate(weeks, start=1):
            content.append(
                [self._cell(str(d.day) if d.month == first.month else "", bold=d in marked) for d in week]
            )
            style += [
                ("BOX", (column, row), (column, row), 3, colors.black)
                for column, day in enumerate(week)
                if day in marked and day.month == first.month
            ]
        height = 11 * self._scale * units.mm
        heights = [None, *[height] * len(weeks)]
        made = tables.Table(content, colWidths=[self._width / 7] * 7, rowHeights=cast(Any, heights))
        cast(Any, made).setStyle(tables.TableStyle(style))
        title = self._made(name, 12.5, bold=True, after=3)
        self._story += [flowables.KeepTogether(cast(Any, [title, made])), flowables.Spacer(1, 4 * units.mm)]

    def break_page(self) -> None:
        """Go on on a new page."""
        self._story.append(flowables.PageBreak())

    def pdf(self) -> bytes:
        """The file."""
        out = io.BytesIO()
        margin = _MARGIN * units.mm
        document = cast(Any, doctemplate).SimpleDocTemplate(
            out, pagesize=self._page, leftMargin=margin, rightMargin=margin, topMargin=margin,
            bottomMargin=margin + 6 * units.mm, title=self._title, author="MedSync", lang=self._language,
            pageCompression=0, invariant=1,
        )  # fmt: skip
        document.build(
            self._story or [flowables.Spacer(1, 1)], onFirstPage=self._footer, onLaterPages=self._footer
        )
        return out.getvalue()

    def _footer(self, canvas: Any, _document: Any) -> None:
        canvas.saveState()
        canvas.setFont(_font_for(self._foot, bold=False), 8)
        margin = _MARGIN * units.mm
        canvas.drawString(margin, margin * 0.7, self._foot)
        canvas.drawRightString(self._page[0] - margin, margin * 0.7, str(canvas.getPageNumber()))
        canvas.restoreState()

    def _paragraph(
        self, text: str, size: float, *, bold: bool = False, after: float = 0, indent: float = 0
    ) -> None:
        self._story.append(self._made(text, size, bold=bold, after=after, indent=indent))

    def _cell(self, text: str, *, bold: bool = False) -> Any:
        return self._made(text, 9.5, bold=bold)

    def _made(
        self, text: str, size: float, *, bold: bool = False, after: float = 0, indent: float = 0
    ) -> Any:
        size *= self._scale
        text = printable(text)
        style = cast(Any, styles).ParagraphStyle(
            "plain", fontName=_font_for(text, bold=bold), fontSize=size, leading=size * 1.25,
            spaceAfter=after * self._scale, leftIndent=indent, firstLineIndent=-indent,
        )  # fmt: skip
        marked = escape(text).replace("\n", "<br/>")
        return cast(Any, paragraph).Paragraph(marked, style)
