"""The content security policy: what the browser may load and run on a page of MedSync."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

# A Host header is the client's own text: only what can be a host name is repeated in the policy.
_HOST = re.compile(r"^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$")


class _InlineScripts(HTMLParser):
    """Collects the text of the scripts that stand in a page itself."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag == "script" and all(name != "src" for name, _ in attrs)
        if self._open:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.scripts[-1] += data


def script_hashes(html: str) -> tuple[str, ...]:
    """The CSP sources (`'sha256-...'`) of the inline scripts of `html`, in order, without repeats."""
    parser = _InlineScripts()
    parser.feed(html)
    parser.close()
    digests = (hashlib.sha256(text.encode()).digest() for text in parser.scripts if text)
    return tuple(dict.fromkeys(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))


class PageScripts:
    """The inline scripts of a built front end, page by page, read once at start.

    Each page's policy names its own scripts only. A path without a page of its own is answered by 404.html
    (Reflex's shell for dynamic routes), and so are its scripts.
    """

    def __init__(self, static_dir: Path) -> None:
        pages = sorted(static_dir.rglob("*.html")) if static_dir.is_dir() else []
        self._by_file = {
            page.relative_to(static_dir).as_posix(): script_hashes(page.read_text("utf-8")) for page in pages
        }

    def is_page_folder(self, path: str) -> bool:
        """True for "/calendar" when the build has calendar/index.html."""
        return f"{path.strip('/')}/index.html" in self._by_file

    def for_path(self, path: str) -> tuple[str, ...]:
        """The script sources of the page that answers `path`."""
        name = path.strip("/")
        for candidate in (name, f"{name}/index.html".lstrip("/"), "404.html"):
            if candidate in self._by_file:
                return self._by_file[candidate]
        return ()


def policy(scripts: tuple[str, ...], host: str | None, *, https: bool) -> str:
    """The policy of one page, where `scripts` are its inline scripts and `host` is the request's Host header.

    No eval and no unlisted inline script. Styles keep 'unsafe-inline': Radix, FullCalendar and Plotly set
    style attributes and elements at run time, whose texts cannot be known at start. `connect-src` names the
    socket of this host as well, because older Safari does not count ws: under 'self'.
    """
    connect = ["'self'"]
    if host is not None and _HOST.match(host):
        connect.append(f"{'wss' if https else 'ws'}://{host}")
    directives = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", *scripts)),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": " ".join(connect),
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
