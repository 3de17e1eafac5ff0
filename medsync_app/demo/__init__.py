"""Makes a believable pharmacy."""

from collections.abc import Sequence


def load_if_empty(url: str) -> Sequence[str]:
    """Fill the database at `url` with the demo when it has no pharmacy; gives lines that show the sign-ins.

    Nothing is done, and one line says so, while messages would really be sent.
    """
    from medsync_app.demo.first_start import load_if_empty as load  # heavy: only when it is needed

    return load(url)
