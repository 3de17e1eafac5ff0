"""CSV files as answers: readable by spreadsheets, harmless in them, and never kept by a browser."""

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi.responses import Response

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(rows: Iterable[Sequence[Cell]], file_name: str) -> Response:
    """The rows, the head first, as a file to save."""
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(cell) for cell in row] for row in rows)
    return Response(
        # The mark tells spreadsheets that names are UTF-8.
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
        },
    )


def _harmless(cell: Cell) -> Cell:
    """Text from somebody's data: never a formula in a spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
