"""The QR code is drawn whole: finders in three corners, a quiet zone around, one square a dark module."""

from medsync_app.qr import QUIET, qr_code


def test_the_code_has_its_finders_and_a_quiet_zone() -> None:
    code = qr_code("https://sync.example/join/abcdefghijklmnopqrstuv")
    dark = set(code.dark)
    end = code.size - QUIET - 1
    assert all(QUIET <= x <= end and QUIET <= y <= end for x, y in dark)
    for left, top in ((QUIET, QUIET), (end - 6, QUIET), (QUIET, end - 6)):
        drawn = {(x - left, y - top) for x, y in dark if left <= x < left + 7 and top <= y < top + 7}
        ring = {(x, y) for x in range(7) for y in range(7) if x in (0, 6) or y in (0, 6)}
        heart = {(x, y) for x in (2, 3, 4) for y in (2, 3, 4)}
        assert drawn == ring | heart
    assert code.path.count("M") == len(code.dark)
    assert qr_code("another").dark != code.dark
