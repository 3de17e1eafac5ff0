"""Twilio's questions while a call of ours is answered: what to say next, and which key was pressed.

Nothing about health is said before somebody has confirmed to be the person the call is for. What is pressed goes
the way of a text message: kept here, worked by the loop.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from medsync_app.connections.twilio.twiml import ask_for_key, hang_up, say_and_hang_up
from medsync_app.domain.voice_words import ABSENT, ANSWER_KEYS, IDENTITY_KEYS, PERSON
from medsync_app.reads.voice_call import CallScript, call_script
from medsync_app.services.handle_call_status import HEARD
from medsync_app.services.keep_event import CALL, KEY, keep_event
from medsync_app.settings import Settings, get_settings
from medsync_app.web.twilio_routes import LONGEST, PREFIX, SYSTEM, Db, Fields

router = APIRouter(prefix="/twilio")
Config = Annotated[Settings, Depends(get_settings)]


@router.post("/voice/{attempt_id}")
def call_answered(attempt_id: str, fields: Fields, db: Db, settings: Config) -> Response:
    """The first words of a call, or what is left on an answering machine."""
    script = _script(db, attempt_id, fields)
    if isinstance(script, Response):
        return script
    assert fields is not None  # noqa: S101 (_script has refused what is not signed)
    if fields.get("AnsweredBy", "").startswith("machine"):
        return _say(script, script.lines.voicemail)
    return _ask_who(script, attempt_id, settings, f"{script.say(script.lines.greeting)} ")


@router.post("/voice/{attempt_id}/who")
def person_answered(attempt_id: str, fields: Fields, db: Db, settings: Config, again: int = 0) -> Response:
    """Read the message to who is the person; take leave from everybody else."""
    script = _script(db, attempt_id, fields)
    if isinstance(script, Response):
        return script
    assert fields is not None  # noqa: S101
    key = fields.get("Digits", "")
    if key == PERSON:
        _keep(db, CALL, f"{attempt_id}:{fields['CallSid']}:{HEARD}", _news(attempt_id, fields, HEARD))
        return _ask_answer(script, attempt_id, settings, f"{script.message} ")
    if key == ABSENT:
        return _say(script, script.lines.absent)
    if key in IDENTITY_KEYS:
        _keep_key(db, attempt_id, fields, IDENTITY_KEYS[key])
        return _say(script, script.lines.thanks["9"] if key == "9" else script.lines.wrong_number)
    if again:
        return _say(script, script.lines.silence)
    return _ask_who(script, attempt_id, settings, f"{script.lines.not_understood} ", again=True)


@router.post("/voice/{attempt_id}/answer")
def answer_given(attempt_id: str, fields: Fields, db: Db, settings: Config, again: int = 0) -> Response:
    """Keep the answer and say goodbye; a key without a meaning is asked for once more, with the message."""
    script = _script(db, attempt_id, fields)
    if isinstance(script, Response):
        return script
    assert fields is not None  # noqa: S101
    key = fields.get("Digits", "")
    if key in ANSWER_KEYS:
        _keep_key(db, attempt_id, fields, ANSWER_KEYS[key])
        return _say(script, script.lines.thanks[key])
    if again:
        return _say(script, script.lines.silence)
    words = f"{script.lines.not_understood} {script.message} "
    return _ask_answer(script, attempt_id, settings, words, again=True)


@router.post("/call-status/{attempt_id}", status_code=204)
def call_status(attempt_id: str, fields: Fields, db: Db) -> Response:
    """Keep one piece of news about a call."""
    if fields is None:
        return Response(status_code=403)
    status = fields.get("CallStatus", "")
    if not _usable(attempt_id, fields) or not 0 < len(status) <= LONGEST:
        return Response(status_code=422)
    _keep(db, CALL, f"{attempt_id}:{fields['CallSid']}:{status}", _news(attempt_id, fields, status))
    return Response(status_code=204)


def _script(db: Db, attempt_id: str, fields: dict[str, str] | None) -> CallScript | Response:
    """The call's script, or the answer to a request that gets none."""
    if fields is None:
        return Response(status_code=403)
    if not _usable(attempt_id, fields):
        return Response(status_code=422)
    with db.reading(SYSTEM) as tx:
        script = call_script(tx, attempt_id)
    if script is None:
        return _xml(hang_up())
    return _say(script, script.lines.over) if script.over else script


def _usable(attempt_id: str, fields: dict[str, str]) -> bool:
    sid = fields.get("CallSid", "")
    return bool(sid) and max(len(sid), len(attempt_id)) <= LONGEST


def _news(attempt_id: str, fields: dict[str, str], status: str) -> dict[str, Any]:
    return {
        "attempt_id": attempt_id, "sid": fields["CallSid"], "status": status,
        "answered_by": fields.get("AnsweredBy", "")[:LONGEST],
    }  # fmt: skip


def _keep_key(db: Db, attempt_id: str, fields: dict[str, str], words: str) -> None:
    """One answer per call: pressed again, or asked for again by Twilio, it changes nothing."""
    sid = fields["CallSid"]
    number = fields.get("To", "")[:LONGEST]
    _keep(
        db, KEY, f"{sid}:key",
        {"sid": f"{sid}:key", "from": number, "body": words, "attempt_id": attempt_id},
    )  # fmt: skip


def _keep(db: Db, source: str, external_id: str, payload: dict[str, Any]) -> None:
    with db.transaction(SYSTEM) as tx:
        keep_event(tx, source, external_id, payload)


def _ask_who(
    script: CallScript, attempt_id: str, settings: Settings, before: str, *, again: bool = False
) -> Response:
    question = before + script.say(script.lines.identity)
    return _ask(script, question, _url(settings, attempt_id, "who", again))


def _ask_answer(
    script: CallScript, attempt_id: str, settings: Settings, words: str, *, again: bool = False
) -> Response:
    return _ask(script, words.strip(), _url(settings, attempt_id, "answer", again))


def _ask(script: CallScript, question: str, url: str) -> Response:
    silence = script.say(script.lines.silence)
    return _xml(ask_for_key(question, action=url, language=script.language, silence=silence))


def _url(settings: Settings, attempt_id: str, what: str, again: bool) -> str:
    return f"{settings.medsync_public_url}{PREFIX}/twilio/voice/{attempt_id}/{what}" + ("?again=1" * again)


def _say(script: CallScript, line: str) -> Response:
    return _xml(say_and_hang_up(script.say(line), language=script.language))


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
