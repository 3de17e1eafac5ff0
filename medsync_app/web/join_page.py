"""The public form by which patients ask to be enrolled: one plain page without scripts, English and Spanish."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from medsync_app.auth import runtime
from medsync_app.auth.http import source_of
from medsync_app.auth.incidents import note_incident
from medsync_app.domain.consent import consent_wording
from medsync_app.domain.states import Channel
from medsync_app.domain.wordings import written_phone
from medsync_app.errors import Invalid, NotFound
from medsync_app.services.join import FormOf, Told, ask_to_join, form_of
from medsync_app.services.join_requests import TooMany
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx
from medsync_app.web.join_words import WORDS

PREFIX: Final = "/join/"
PATH: Final = PREFIX + "{token}"
#: A form of twelve medicines takes two kilobytes.
MAX_BODY_BYTES: Final = 16 * 1024
LINES: Final = 4
_MAX_FIELDS = 40
_SCOPE = Scope.system("join form")
#: The button that shows the form in another language, with what was typed.
_TO: Final = "to"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Filled:
    """The form as it came, to be shown again; `wrong` is the field in error."""

    values: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    wrong: str = ""


async def join(request: Request) -> Response:
    """GET shows the form (`?lang=es`, `?sent=1` the thanks), POST takes it or shows it in the other language.

    404 for an address not in use. What is written never stands in an address or a log; a form in error is shown
    again as it was.
    """
    token = str(request.path_params["token"])
    form = await asyncio.to_thread(_reading, lambda tx: form_of(tx, token))
    language = _language(request)
    if form is None:
        return _notice(language, "closed", status=404)
    if request.method != "POST":
        if request.query_params.get("sent") == "1":
            return _notice(language, "thanks", form)
        return _page(form, language, _Filled())
    return await _take(request, token, form)


async def _take(request: Request, token: str, form: FormOf) -> Response:
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as sent:
        values = {name: value for name, value in sent.multi_items() if isinstance(value, str)}
    if values.get(_TO) in WORDS:
        # What was ticked agreed to words in the other language: these are read before they are agreed to.
        return _page(form, values[_TO], _Filled({**values, "agree": ""}))
    language = "es" if values.get("language") == "es" else "en"
    try:
        told = _told(values, language)
        await asyncio.to_thread(_writing, lambda tx: ask_to_join(tx, token, told, source_of(request)))
    except Invalid as error:
        return _page(form, language, _Filled(values, error.field or ""), status=422)
    except TooMany:
        return _notice(language, "busy", form, status=429)
    except NotFound:
        return _notice(language, "closed", status=404)
    except Exception as error:
        note_incident(error, "join form")
        return _notice(language, "busy", form, status=500)
    # A reload of the answer sends nothing again.
    return RedirectResponse(f"{PREFIX}{token}?sent=1&lang={language}", 303)


def _told(values: Mapping[str, str], language: str) -> Told:
    medicines = [
        (values.get(f"medicine_{line}", ""), values.get(f"days_{line}", "")) for line in range(LINES)
    ]
    return Told(
        values.get("first_name", ""), values.get("last_name", ""), _birth_date(values.get("birth_date", "")),
        values.get("phone", ""), language, bool(values.get("agree")), medicines,
    )  # fmt: skip


def _birth_date(text: str) -> date | None:
    """A date as browsers send it or as people in the United States write it."""
    for pattern in ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y"):
        try:
            return datetime.strptime(text.strip(), pattern).date()  # noqa: DTZ007  (a day has no zone)
        except ValueError:
            continue
    return None


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    if asked in WORDS:
        return asked
    first = request.headers.get("accept-language", "").strip().lower()
    return "es" if first.startswith("es") else "en"


def _reading(step: Callable[[Tx], T]) -> T:
    with runtime.database().reading(_SCOPE, runtime.clock()) as tx:
        return step(tx)


def _writing(step: Callable[[Tx], T]) -> T:
    with runtime.database().transaction(_SCOPE, runtime.clock()) as tx:
        return step(tx)


def _page(form: FormOf, language: str, filled: _Filled, *, status: int = 200) -> Response:
    words = WORDS[language]
    other = "en" if language == "es" else "es"
    agree = escape(consent_wording(language, Channel.SMS, form.name))
    ticked = " checked" if filled.values.get("agree") else ""
    parts = [
        '<form method="post">',
        # Enter in a field presses the first button of a form: that must not be the other language.
        '<button class="enter" tabindex="-1" aria-hidden="true"></button>',
        f'<p class="other"><button name="{_TO}" value="{other}" lang="{other}" formnovalidate>{words["other"]}'
        "</button></p>",
        f"<h1>{escape(words['title'])}</h1><p>{escape(words['lead'].format(pharmacy=form.name))}</p>",
        f'<p class="error" role="alert">{escape(words["wrong"])}</p>' if filled.wrong else "",
        f'<input type="hidden" name="language" value="{language}">',
        _field(words, filled, "first_name", autocomplete="given-name"),
        _field(words, filled, "last_name", autocomplete="family-name"),
        _field(words, filled, "birth_date", hint="birth_hint", autocomplete="bday", inputmode="numeric"),
        _field(words, filled, "phone", hint="phone_hint", kind="tel", autocomplete="tel"),
        f"<fieldset><legend>{words['agree']}</legend>"
        f'<label class="check"><input type="checkbox" name="agree"{ticked}><span>{agree}</span></label>'
        f'<p class="hint">{words["agree_hint"]}</p></fieldset>',
        _medicines(words, filled),
        f'<button>{words["send"]}</button><p class="hint">{words["privacy"]}</p></form>',
        _call(words, form),
    ]
    return _document(language, words["title"], "".join(parts), status)


def _field(
    words: Mapping[str, str], filled: _Filled, name: str, *, hint: str = "", kind: str = "text", **more: str
) -> str:
    wrong = filled.wrong == name
    described = [part for part, there in ((f"{name}-hint", hint), (f"{name}-error", wrong)) if there]
    attrs = {
        "id": name, "name": name, "type": kind, "value": filled.values.get(name, ""), "required": "",
        "maxlength": "80", **more,
    }  # fmt: skip
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if wrong:
        attrs |= {"aria-invalid": "true", "autofocus": ""}
    drawn = " ".join(f'{key}="{escape(value)}"' for key, value in attrs.items())
    said = f'<p class="hint" id="{name}-hint">{escape(words[hint])}</p>' if hint else ""
    error = f'<p class="error" id="{name}-error">{escape(words[f"error_{name}"])}</p>' if wrong else ""
    return f'<label for="{name}">{escape(words[name])}</label>{said}<input {drawn}>{error}'


def _medicines(words: Mapping[str, str], filled: _Filled) -> str:
    def box(name: str, label: str, **more: str) -> str:
        attrs = "".join(f' {key}="{escape(value)}"' for key, value in more.items())
        value = escape(filled.values.get(name, ""))
        return f'<label for="{name}">{escape(label)}</label><input id="{name}" name="{name}" value="{value}"{attrs}>'

    lines = "".join(
        f'<div class="pair"><div>{box(f"medicine_{line}", words["medicine"].format(number=line + 1), maxlength="120")}'
        f"</div><div>{box(f'days_{line}', words['days_left'], inputmode='numeric', maxlength='3')}</div></div>"
        for line in range(LINES)
    )
    wrong = filled.wrong == "medicines"
    error = f'<p class="error" role="alert">{escape(words["error_medicines"])}</p>' if wrong else ""
    return (
        f'<fieldset><legend>{escape(words["medicines"])}</legend><p class="hint">{escape(words["medicines_hint"])}</p>'
        f"{error}{lines}</fieldset>"
    )


def _notice(language: str, name: str, form: FormOf | None = None, *, status: int = 200) -> Response:
    words = WORDS[language]
    text = escape(words[name].format(pharmacy=form.name if form else ""))
    body = f'<h1>{words[f"{name}_title"]}</h1><p role="status">{text}</p>{_call(words, form) if form else ""}'
    return _document(language, words[f"{name}_title"], body, status)


def _call(words: Mapping[str, str], form: FormOf) -> str:
    return f"<p>{escape(words['call'].format(phone=written_phone(form.phone)))}</p>" if form.phone else ""


def _document(language: str, title: str, body: str, status: int) -> Response:
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<link rel="icon" href="/favicon.svg" type="image/svg+xml">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


_STYLE = (
    ":root{color-scheme:light dark;--text:#182027;--soft:#45505b;--bg:#fff;--line:#6b7580;--accent:#0b6675;"
    "--on:#fff;--bad:#a82018}"
    "@media(prefers-color-scheme:dark){:root{--text:#e9edf1;--soft:#b7c0ca;--bg:#101418;--line:#8b96a1;"
    "--accent:#5cc0cd;--on:#06262b;--bad:#f59a92}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);"
    'font:400 18px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}'
    "main{max-width:560px;margin:0 auto;padding:20px}h1{font-size:28px;line-height:1.2;margin:8px 0 12px}"
    "p{margin:0 0 12px}.other{text-align:right;margin:0}a{color:var(--accent)}"
    "label,legend{display:block;font-weight:600;margin:18px 0 4px;padding:0}"
    "fieldset{border:0;margin:28px 0 0;padding:0;min-width:0}"
    "legend{font-size:20px;margin-top:0}.hint{color:var(--soft);font-size:16px;margin:0 0 6px}"
    "input:not([type=checkbox]){width:100%;min-height:52px;padding:10px 12px;font:inherit;color:inherit;"
    "background:var(--bg);border:2px solid var(--line);border-radius:8px}"
    ".check{display:flex;gap:14px;align-items:flex-start;font-weight:400;margin-top:8px}"
    ".check input{width:28px;height:28px;flex:none;margin:2px 0 0;accent-color:var(--accent)}"
    ".pair{display:grid;grid-template-columns:minmax(0,1fr) 110px;gap:12px}.pair label{font-size:16px;margin-top:10px}"
    "button{width:100%;min-height:60px;margin:26px 0 14px;font:inherit;font-size:20px;font-weight:600;"
    "line-height:1.2;border:0;"
    "border-radius:10px;background:var(--accent);color:var(--on);cursor:pointer}"
    ".other button{width:auto;min-height:44px;margin:0;padding:8px 0;font-size:18px;font-weight:400;background:none;"
    "color:var(--accent);text-decoration:underline}"
    ".enter{position:absolute;width:1px;min-height:0;height:1px;margin:0;padding:0;overflow:hidden;clip-path:inset(50%)}"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    ".error{color:var(--bad);font-weight:600;margin:6px 0}[aria-invalid]{border-color:var(--bad)!important}"
)
