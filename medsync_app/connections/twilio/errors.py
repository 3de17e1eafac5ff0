"""What Twilio's error codes mean for us (docs/reliability.md)."""

from medsync_app.connections.protocol import Failure

OPTED_OUT = 21610
#: Create: this number will never take a text (the last three: a call).
PERMANENT = frozenset({21211, 21614, 21635, 21612, 21217, OPTED_OUT, 13224, 13225, 21214})
#: Create: the account or its settings; the second row is about calls.
CONFIGURATION = frozenset({
    20003, 21606, 21603, 21608, 21408, 30002, 30034, 30032,
    10001, 13227, 21205, 21210, 21212, 21213, 21215, 21216, 21219,
})  # fmt: skip
TOO_MANY = 20429

#: Callback: the number takes no messages.
PERMANENT_LATER = frozenset({30004, 30005, 30006})
#: Callback: filtered as spam. One is the message's misfortune; so many within so many hours are our registration.
FILTERED, MANY_FILTERED, FILTERED_HOURS = 30007, 10, 1
#: Callback: how often a message that came back with this code is sent again, and after how many hours.
RETRIES: dict[int, tuple[float, ...]] = {30003: (2.0, 6.0), 30001: (1.0,), 30008: (1.0,), 30500: (1.0,)}


def classify(status: int, code: int | None) -> Failure:
    """The class of an answer to a create request that is not a success."""
    if code in PERMANENT:
        return Failure.PERMANENT
    if code in CONFIGURATION or status in (
        401,
        403,
        404,
    ):  # the place is the account's, the same for everybody
        return Failure.CONFIGURATION
    if code == TOO_MANY or status in (429, 503):
        return Failure.TRANSIENT
    if 400 <= status < 500:
        # Refused for a reason we do not know: it was not accepted, and sending it again changes nothing.
        return Failure.PERMANENT
    return Failure.IN_DOUBT


#: Callback of a call: it did not come about. How often it is made again, and after how many hours.
CALL_RETRIES: dict[str, tuple[float, ...]] = {"busy": (0.5, 2.0), "no-answer": (2.0,)}
