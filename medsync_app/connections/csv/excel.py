"""Reads the first sheet of an Excel file that holds a table, as text like a CSV would have it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from medsync_app.errors import Invalid


def excel_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row number of the sheet (from 1) and cells of the first sheet with a table; Invalid for damaged files."""
    try:
        workbook = CalamineWorkbook.from_path(str(path))  # pyright: ignore[reportUnknownMemberType] (its stubs)
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.width >= 2:
                for number, row in enumerate(sheet.iter_rows(), start=1):
                    yield number, [_text(cell) for cell in row]
                return
    except (CalamineError, OSError, ValueError) as error:
        raise _damaged() from error
    except BaseException as error:
        # A panic of the Rust library under it is no Exception.
        if type(error).__name__ == "PanicException":
            raise _damaged() from error
        raise
    raise Invalid("The Excel file has no sheet with a table.", "file")


def _damaged() -> Invalid:
    return Invalid("The Excel file cannot be read. Save it again, or export as CSV.", "file")


def _text(cell: object) -> str:
    """A cell as a CSV would have it: whole numbers without a point, dates as ISO."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return "" if cell is None else str(cell)
