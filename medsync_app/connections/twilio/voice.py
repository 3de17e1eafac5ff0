"""Calls people through Twilio, one attempt per call; what is said comes from our own address when somebody answers."""

from datetime import datetime

from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.connections.twilio.client import TwilioApi, accepted, found_since

#: How long it rings: six rings, so that slow hands reach the phone.
RING_SECONDS = 35
#: No call of ours is longer than this.
LONGEST_SECONDS = 300


class TwilioVoice:
    """Telephone calls by Twilio's Calls resource."""

    live = True
    can_look_up = True

    def __init__(self, api: TwilioApi, *, callback_url: str, from_number: str) -> None:
        """`callback_url` is our public address: the words of the call and its news are asked for there."""
        self.loopback = api.loopback
        self._api, self._callback_url, self._from = api, callback_url, from_number

    def send(self, message: Outgoing) -> Accepted:
        """Start the call. The text itself is not handed over: it is read only to who confirms to be the person."""
        with self._api.creating() as client:
            created = client.calls.create(
                to=message.to, from_=self._from, method="POST", url=self._url("voice", message.attempt_id),
                status_callback=self._url("call-status", message.attempt_id), status_callback_method="POST",
                status_callback_event=["initiated", "answered", "completed"],
                # Wait for the beep, so that an answering machine records the whole sentence.
                machine_detection="DetectMessageEnd", timeout=RING_SECONDS, time_limit=LONGEST_SECONDS,
            )  # fmt: skip
        return accepted(created.sid)

    def look_up(self, to: str, since: datetime) -> list[Found]:
        """Calls to that number, the newest first.

        Twilio can filter by start time, but a call that is still queued has none and would be missed: the
        instants are compared here, by when the call was created.
        """
        with self._api.asking() as client:
            calls = client.calls.list(to=to, limit=50)
        return [one for c in calls for one in found_since(c.sid, c.date_created or c.start_time, since)]

    def _url(self, what: str, attempt_id: str) -> str:
        return f"{self._callback_url}/twilio/{what}/{attempt_id}"
