"""The address in every e-mail that ends them: a page that asks, and one click for mail programs (RFC 8058)."""

from html import escape

from fastapi import APIRouter, Response

from medsync_app.auth.unsubscribe import attempt_of_token
from medsync_app.services.unsubscribe import Subscription, subscription, unsubscribe
from medsync_app.store.scope import Scope
from medsync_app.web.twilio_routes import Db

router = APIRouter()
_SYSTEM = Scope.system("unsubscribe link")
#: Language -> title, question, button, done.
_WORDS = {
    "en": ("E-mails", "Get no more e-mails about your medicines from {pharmacy}?", "Get no more e-mails",
           "You get no more e-mails from {pharmacy}. Call the pharmacy if you want them again."),
    "es": ("Correos", "¿No recibir más correos sobre sus medicamentos de {pharmacy}?", "No recibir más correos",
           "No recibirá más correos de {pharmacy}. Llame a la farmacia si los quiere otra vez."),
}  # fmt: skip
_UNKNOWN = "This link cannot be used. Call the pharmacy, or reply to the e-mail with the word STOP."


@router.get("/unsubscribe/{token}")
def ask(token: str, db: Db) -> Response:
    """Ask first: programs that look at links must not end anything."""
    attempt_id = attempt_of_token(token)
    if attempt_id is None:
        return _unknown()
    with db.reading(_SYSTEM) as tx:
        found = subscription(tx, attempt_id)
    if found is None:
        return _unknown()
    title, question, button, _ = _words(found)
    return _page(
        found.language, title, question, f'<form method="post"><button>{escape(button)}</button></form>'
    )


@router.post("/unsubscribe/{token}")
def end(token: str, db: Db) -> Response:
    """End them, asked by the page's button or by a mail program's own."""
    attempt_id = attempt_of_token(token)
    if attempt_id is None:
        return _unknown()
    with db.transaction(_SYSTEM) as tx:
        found = subscription(tx, attempt_id)
        ended = unsubscribe(tx, attempt_id)
    if found is None or not ended:
        return _unknown()
    title, _, _, done = _words(found)
    return _page(found.language, title, done)


def _words(found: Subscription) -> tuple[str, ...]:
    words = _WORDS.get(found.language, _WORDS["en"])
    return tuple(text.format(pharmacy=found.pharmacy) for text in words)


def _unknown() -> Response:
    return _page("en", "E-mails", _UNKNOWN, status=404)


def _page(language: str, title: str, text: str, form: str = "", *, status: int = 200) -> Response:
    body = (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</main></body></html>"
    )
    return Response(body, status, media_type="text/html")
