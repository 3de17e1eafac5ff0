"""A QR code as an outline: one path of squares, for a page or a printed sheet."""

from dataclasses import dataclass
from typing import Any, cast

from reportlab.graphics.barcode import qrencoder

#: Light modules around the code that scanners need.
QUIET = 4


@dataclass(frozen=True, slots=True)
class QrCode:
    """`size` modules wide and high with the quiet zone; `dark` are the dark ones as (column, row)."""

    size: int
    dark: tuple[tuple[int, int], ...]

    @property
    def path(self) -> str:
        """The dark modules as an SVG path in a box of `size`."""
        return "".join(f"M{x} {y}h1v1h-1z" for x, y in self.dark)


def qr_code(text: str) -> QrCode:
    """The code of a text, readable also when a quarter of it is dirty."""
    encoder = cast(Any, qrencoder)
    code = encoder.QRCode(None, encoder.QRErrorCorrectLevel.Q)
    code.addData(text)
    code.make()
    count = int(code.getModuleCount())
    dark = tuple(
        (column + QUIET, row + QUIET)
        for row in range(count)
        for column in range(count)
        if code.isDark(row, column)
    )
    return QrCode(count + 2 * QUIET, dark)
