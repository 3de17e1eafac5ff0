"""The default workflow document: the eight steps of DOMAIN.md section 4."""

from typing import Any

_BOTH = ["sync", "trip"]
_NOT_CONFIRMED = {"fact": "confirmed", "op": "is", "value": False}
_NOT_PICKED_UP = {"fact": "picked_up", "op": "is", "value": False}
#: With the message, not instead of it: most who are a day late come by then, and nobody need call them.
_STILL_HERE = "Not picked up yet. Still here when this is due: call the patient and agree on a day."
_UNTIL_SYNC_NOON = {"days_after_sync": 0, "at": "12:00"}
_UNTIL_SYNC_EVENING = {"days_after_sync": 0, "at": "20:00"}


def _step(
    number: int, step_id: str, name: str, trigger: dict[str, Any], *actions: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {"id": step_id, "step": number, "name": name, "trigger": trigger, "actions": list(actions), **more}


def _before(days: int, at: str, **more: Any) -> dict[str, Any]:
    return {"on": "days_before", "days": days, "at": at, **more}


def _message(template: str, **more: Any) -> dict[str, Any]:
    return {"do": "message", "template": template, **more}


def _task(kind: str, role: str, summary: str, due_hours: int = 8, **more: Any) -> dict[str, Any]:
    return {"do": "task", "kind": kind, "role": role, "summary": summary, "due_hours": due_hours, **more}


def _older() -> dict[str, Any]:
    return {
        "id": "older", "name": "65 and over: phone first",
        "conditions": [{"fact": "age", "op": "at_least", "value": 65}], "channels": ["voice", "sms", "email"],
    }  # fmt: skip


def _follow_up(step_id: str, name: str, hours: int) -> dict[str, Any]:
    return _step(
        8,
        step_id,
        name,
        {"on": "hours_after_ready", "hours": hours},
        _message("not_picked_up"),
        _task("not_picked_up", "technician", _STILL_HERE, 24),
        conditions=[_NOT_PICKED_UP],
        cycles=_BOTH,
        needs_fresh_data=True,
        useful={"hours": 36},
    )


def default_document() -> dict[str, Any]:
    """A new copy of the default workflow as a plain document (what a pharmacy edits and `parse` reads)."""
    return {
        "segments": [_older()],
        "steps": [
            _step(1, "welcome", "Welcome", {"on": "enrolled"}, _message("welcome"), useful={"hours": 48}),
            _step(
                3,
                "renewals_t10",
                "Ask for refills",
                _before(10, "09:00"),
                {"do": "renewal", "stage": "request"},
                cycles=_BOTH,
                useful=_UNTIL_SYNC_EVENING,
            ),
            _step(
                3,
                "renewals_t7",
                "Ask again for refills",
                _before(7, "09:00"),
                {"do": "renewal", "stage": "resend"},
                cycles=_BOTH,
                useful={"hours": 48},
            ),
            _step(
                3,
                "renewals_t5",
                "Phone the prescriber",
                _before(5, "09:00"),
                {"do": "renewal", "stage": "phone"},
                cycles=_BOTH,
                useful={"hours": 48},
            ),
            _step(
                3,
                "renewals_t3",
                "Tell the pharmacist that the prescriber is silent",
                _before(3, "09:00"),
                {"do": "renewal", "stage": "escalate"},
                cycles=_BOTH,
                useful=_UNTIL_SYNC_EVENING,
            ),
            _step(
                4,
                "reminder_t7",
                "First reminder",
                _before(7, "10:00"),
                _message("reminder_t7"),
                useful={"hours": 48},
            ),
            _step(
                5,
                "confirm_t3",
                "Ask to confirm",
                _before(3, "10:00"),
                _message("confirm_t3"),
                conditions=[_NOT_CONFIRMED],
                useful={"hours": 24},
            ),
            _step(
                5,
                "address_t3",
                "Check the address of a delivery",
                _before(3, "10:00"),
                _task("workflow", "technician", "This batch is delivered or mailed: check the address.", 24),
                conditions=[
                    {"fact": "fulfilment", "op": "in", "value": ["delivery", "mail"]},
                    _NOT_PICKED_UP,
                ],
                cycles=_BOTH,
                useful={"hours": 48},
            ),
            _step(
                5,
                "call_t2",
                "Call who has not answered",
                _before(2, "10:00"),
                _task("call", "technician", "No answer to the confirmation message: call the patient.", 8),
                conditions=[_NOT_CONFIRMED, _NOT_PICKED_UP],
                useful={"hours": 24},
            ),
            _step(
                5,
                "confirm_t1",
                "Remind the day before",
                _before(1, "10:00"),
                _message("confirm_t1"),
                conditions=[_NOT_PICKED_UP],
                useful=_UNTIL_SYNC_NOON,
            ),
            _step(
                5,
                "trip_t1",
                "Remind of a short supply",
                _before(1, "10:00"),
                _message("trip_t1"),
                conditions=[_NOT_PICKED_UP],
                cycles=["trip"],
                useful=_UNTIL_SYNC_NOON,
            ),
            _step(
                6,
                "exceptions",
                "Look for problems",
                {"on": "daily", "at": "07:00"},
                {"do": "check", "what": "exceptions"},
                cycles=_BOTH,
                useful={"hours": 24},
            ),
            _step(
                7,
                "stock_t5",
                "Stock check and order list",
                _before(5, "09:00"),
                {"do": "check", "what": "stock"},
                cycles=_BOTH,
                useful=_UNTIL_SYNC_EVENING,
            ),
            _step(
                7,
                "prepare_t2",
                "Prepare the batch",
                _before(2, "09:00", open_day=True),
                {"do": "check", "what": "prepare"},
                cycles=_BOTH,
                useful={"days_after_sync": 7, "at": "20:00"},
            ),
            _step(
                7,
                "ready",
                "Say that the batch is ready",
                {"on": "ready"},
                _message("ready"),
                conditions=[_NOT_PICKED_UP],
                cycles=_BOTH,
                useful={"hours": 72},
            ),
            _step(
                7,
                "partly_ready",
                "Say what part is ready",
                {"on": "partly_ready"},
                _message("partly_ready"),
                conditions=[_NOT_PICKED_UP],
                cycles=_BOTH,
                useful={"hours": 72},
            ),
            _follow_up("not_picked_up_24h", "Not picked up after a day", 24),
            _follow_up("not_picked_up_d3", "Not picked up after three days", 72),
            _follow_up("not_picked_up_d7", "Not picked up after a week", 168),
            _step(
                8,
                "return_warning",
                "Warn before the return to stock",
                {"on": "before_return", "days": 2, "at": "09:00"},
                _task(
                    "return_to_stock",
                    "technician",
                    "Two days before this batch goes back to stock: call the patient.",
                    24,
                ),
                conditions=[_NOT_PICKED_UP],
                cycles=_BOTH,
                needs_fresh_data=True,
                useful={"hours": 48},
            ),
            _step(
                8,
                "return_due",
                "Return to stock",
                {"on": "before_return", "days": 0, "at": "09:00"},
                _task(
                    "return_to_stock",
                    "technician",
                    "Return this batch to stock and reverse its claims.",
                    24,
                    severity="high",
                ),
                conditions=[_NOT_PICKED_UP],
                cycles=_BOTH,
                needs_fresh_data=True,
                useful={"hours": 240},
            ),
        ],
    }
