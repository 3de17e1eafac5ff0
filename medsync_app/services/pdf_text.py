"""A plain PDF of lines of text: one font, as many pages as it takes."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from medsync_app.domain.letters import in_encoding, within

_LATIN = in_encoding("latin-1")
_LINES, _WIDTH = 54, 88
_TOP, _LEFT, _LEADING, _SIZE = 742, 54, 13, 10


def pdf_of(lines: Sequence[str]) -> bytes:
    """The document, US letter, in Helvetica; of letters outside Latin-1 the accents are left out."""
    wrapped = [part for line in lines for part in (wrap(line, _WIDTH) or [""])]
    pages = [wrapped[at : at + _LINES] for at in range(0, len(wrapped), _LINES)] or [[]]
    first_page = 4
    kids = " ".join(f"{first_page + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, page in enumerate(pages):
        content = _content(page)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {first_page + 2 * index + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    return b"".join(_file(objects))


def _content(page: Sequence[str]) -> bytes:
    shown = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in page)
    return f"BT /F1 {_SIZE} Tf {_LEADING} TL {_LEFT} {_TOP} Td\n".encode() + shown + b"ET"


def _escaped(line: str) -> bytes:
    raw = within(line, _LATIN).encode("latin-1")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: Sequence[bytes]) -> Iterator[bytes]:
    head = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    yield head
    at, offsets = len(head), list[int]()
    for number, body in enumerate(objects, start=1):
        part = b"%d 0 obj\n%s\nendobj\n" % (number, body)
        offsets.append(at)
        at += len(part)
        yield part
    yield b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    yield b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    yield b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, at)
