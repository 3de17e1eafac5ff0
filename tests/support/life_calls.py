"""How an automated call is answered in a random life, and how the phone company and its route tell us."""

from dataclasses import dataclass
from random import Random

from medsync_app.connections.protocol import Outgoing
from medsync_app.services.handle_call_status import HEARD
from medsync_app.services.keep_event import CALL, KEY, keep_event
from medsync_app.store.session import Tx


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The last word of the phone company; whether the message was read out, and the words of a key."""

    status: str
    heard: bool = False
    words: str = ""
    by: str = ""

    @property
    def reached(self) -> bool:
        """Somebody, or a machine, took the call."""
        return self.status == "completed"


_ANSWERS = (
    *(CallAnswer("completed", heard=True, words=words, by="human") for words in ("1", "2", "3", "STOP", "")),
    *(CallAnswer("completed", words=words, by="human") for words in ("wrong number", "STOP", "")),
    CallAnswer("completed", by="machine_end_beep"),
    *(CallAnswer(status) for status in ("busy", "no-answer", "failed")),
)
_WEIGHTS = (8, 2, 2, 1, 3, 1, 1, 2, 4, 3, 3, 1)


def answer_of(luck: Random) -> CallAnswer:
    return luck.choices(_ANSWERS, _WEIGHTS)[0]


def tell(tx: Tx, message: Outgoing, answer: CallAnswer) -> None:
    """Keep the news of one call for the loop, as the routes do."""
    attempt, sid = message.attempt_id, f"SM{message.attempt_id}"
    news = ["ringing", *([HEARD] if answer.heard else []), answer.status]
    for status in news:
        keep_event(
            tx, CALL, f"{attempt}:{sid}:{status}",
            {"attempt_id": attempt, "sid": sid, "status": status, "answered_by": answer.by},
        )  # fmt: skip
    if answer.words:
        keep_event(
            tx, KEY, f"{sid}:key",
            {"sid": f"{sid}:key", "from": message.to, "body": answer.words, "attempt_id": attempt},
        )  # fmt: skip
