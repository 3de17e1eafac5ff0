"""Finds out what kind of file an export is: its encoding, delimiter, size and digest, in one bounded pass."""

import codecs
import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from medsync_app.errors import Invalid

SAMPLE_BYTES = 256 * 1024
BLOCK_BYTES = 1024 * 1024
#: An Excel file unpacks in memory: larger ones are better exported as CSV.
MAX_EXCEL_BYTES = 256 * 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
#: By whether the file holds a byte that Windows' own encoding does not define.
_EIGHT_BITS = {False: "cp1252", True: "latin-1"}
_NOT_TABLES = (
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"{\\rtf", "a text document"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one pass over a file found; `encoding` and `delimiter` are empty for Excel."""

    kind: str
    encoding: str
    delimiter: str
    sha256: str
    #: Line ends in the file: the number of rows, or a little more; None for Excel.
    lines: int | None


def inspect(path: Path) -> FileFacts:
    """The facts of a file; Invalid says why when it is no table. Memory stays below a few MB."""
    try:
        with path.open("rb") as stream:
            sample = stream.read(SAMPLE_BYTES)
    except OSError as error:
        raise Invalid("The file cannot be read. Check its name and that you may open it.", "file") from error
    if not sample.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Invalid("The file is empty. Export it again from the pharmacy system.", "file")
    if sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        _check_excel(path, zipped=sample.startswith(b"PK"))
        return FileFacts("excel", "", "", _digest(path), None)
    for magic, what in _NOT_TABLES:
        if sample.startswith(magic):
            raise Invalid(f"This is {what}, not a table. Export as CSV or Excel.", "file")
    encoding, sha256, lines = _scan(path, sample)
    return FileFacts("text", encoding, _delimiter(sample, encoding), sha256, lines)


def _check_excel(path: Path, *, zipped: bool) -> None:
    if not zipped:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Invalid("The Excel file is damaged. Save it again in Excel.", "file") from error
    if not any(entry.filename.startswith("xl/") for entry in entries):
        raise Invalid(
            "This is an archive, not a table. Unpack it and choose the CSV or Excel file in it.", "file"
        )
    if sum(entry.file_size for entry in entries) > MAX_EXCEL_BYTES:
        raise Invalid("The Excel file is too large to open. Save it as CSV and choose that file.", "file")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _scan(path: Path, sample: bytes) -> tuple[str, str, int]:
    """Encoding, SHA-256 and line ends. One late byte decides between UTF-8 and Windows' own, so all bytes
    are read.
    """
    encoding = _wide_encoding(sample)
    utf8 = None if encoding else codecs.getincrementaldecoder("utf-8")()
    digest, lines, undefined = hashlib.sha256(), 0, False
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            lines += block.count(b"\n") or block.count(b"\r")
            undefined = undefined or any(byte in block for byte in b"\x81\x8d\x8f\x90\x9d")
            if utf8:
                try:
                    utf8.decode(block)
                except UnicodeDecodeError:
                    utf8 = None
    if not encoding:
        encoding = "utf-8" if utf8 else _EIGHT_BITS[undefined]
    return encoding, digest.hexdigest(), lines


def _wide_encoding(sample: bytes) -> str:
    """The encoding that a byte-order mark or the pattern of NUL bytes tells; empty when neither does."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    head = sample[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) * 0.35 and even < len(head) * 0.02:
        return "utf-16-le"
    if even > len(head) * 0.35 and odd < len(head) * 0.02:
        return "utf-16-be"
    controls = sum(byte < 32 and byte not in b"\t\n\r\x0b\x0c\x1a" for byte in head)
    if controls > len(head) * 0.05:
        raise Invalid("This is not a text file with a table in it. Export as CSV or Excel.", "file")
    return ""


def _delimiter(sample: bytes, encoding: str) -> str:
    """The delimiter that splits the first lines into the most, and the most even, columns."""
    text = sample.decode(encoding, errors="ignore").replace("\x00", "").lstrip("\ufeff")
    head = text[:6].lower()
    if head.startswith("sep=") and len(text) > 5 and text[4] in DELIMITERS:
        return text[4]
    best, best_score = "", 1.0
    for delimiter in DELIMITERS:
        score = _score(text, delimiter)
        if score > best_score:
            best, best_score = delimiter, score
    if not best:
        raise Invalid(
            "No columns were found: the first line must name the columns, separated by commas, semicolons, "
            "tabs or |.",
            "file",
        )
    return best


def _score(text: str, delimiter: str) -> float:
    """Columns in the header times the share of the following lines that have as many."""
    widths: list[int] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                widths.append(len(row))
            if len(widths) > _SAMPLE_LINES:
                break
    except csv.Error:
        pass
    if not widths or widths[0] < 2:
        return 0.0
    # The last record of the sample may be cut off.
    following = widths[1:-1] or widths[1:]
    even = sum(width == widths[0] for width in following) / len(following) if following else 1.0
    return widths[0] * (0.1 + 0.9 * even)
