"""The JSON of the `plan` command (DESIGN.md section 5) to and from the planner's dataclasses.

Choices where the rules leave room: a days supply of null or 0 means unknown; numbers may be JSON numbers or
decimal strings where money or units are meant; dates must lie between 1900 and 2200.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, cast

from medsync_app.domain.sync_plan import (
    Fill,
    Medication,
    MedicationId,
    MedicationPlan,
    Option,
    PlannedFill,
    Policy,
    SyncPlan,
)
from medsync_app.errors import Invalid

EARLIEST_DATE, LATEST_DATE = date(1900, 1, 1), date(2200, 12, 31)
MAX_MEDICATIONS = 200
LARGEST_NUMBER = 10**9

Reader = Callable[[object, str], Any]


def read_patient(value: object) -> tuple[Policy, tuple[Medication, ...]]:
    """The policy and medications of one patient; raises Invalid naming the path of what cannot be used."""
    patient = _object(value, "", {"today", "policy", "medications"}, {"today", "medications"})
    today = _date(patient["today"], "today")
    given = patient.get("policy")
    policy = _policy({} if given is None else given, today)
    items = _list(patient["medications"], "medications")
    if len(items) > MAX_MEDICATIONS:
        _refuse("medications", f"lists more than {MAX_MEDICATIONS} drugs: give those of one patient")
    medications = tuple(_medication(item, f"medications[{index}]", today) for index, item in enumerate(items))
    return policy, medications


class _Repeated(dict[str, object]):
    """An object in which a field is given twice: one of its values would silently be lost."""

    repeated: str = ""


def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as JSON gives it; one with a repeated field is refused where it is read, by its path."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    names = [name for name, _ in pairs]
    marked = _Repeated(fields)
    marked.repeated = next(name for name in names if names.count(name) > 1)
    return marked


def write_plan(plan: SyncPlan) -> dict[str, object]:
    """The output object of one patient."""
    return {
        "options": [_option_json(option) for option in plan.options],
        "excluded": [{"id": excluded.id, "reason": excluded.reason} for excluded in plan.excluded],
    }


def write_error(error: Invalid) -> dict[str, object]:
    """The object that stands in the place of a patient who cannot be planned."""
    return {"error": {"field": error.field, "message": error.message}}


def _policy(value: object, today: date) -> Policy:
    fields = _fields(value, "policy", _POLICY_READERS, required=frozenset())
    try:
        return Policy(today=today, **fields)
    except Invalid as error:
        raise Invalid(f"policy.{error.field}: {error.message}", f"policy.{error.field}") from error


def _medication(value: object, path: str, today: date) -> Medication:
    fields = _fields(value, path, _MEDICATION_READERS, required=frozenset({"id", "fills"}))
    for index, fill in enumerate(fields["fills"]):
        where = f"{path}.fills[{index}]"
        if fill.date > today:
            _refuse(f"{where}.date", "lies after today: give the date of a fill already dispensed")
        if fill.picked_up_on is not None and not fill.date <= fill.picked_up_on <= today:
            _refuse(f"{where}.picked_up_on", "must lie between the fill date and today")
    try:
        return Medication(**fields)
    except Invalid as error:
        raise Invalid(f"{path}.{error.field}: {error.message}", f"{path}.{error.field}") from error


def _fill(value: object, path: str) -> Fill:
    fields = _fields(value, path, _FILL_READERS, required=frozenset({"date", "days_supply"}))
    try:
        return Fill(days_supply=fields.pop("days_supply", None), **fields)
    except Invalid as error:
        raise Invalid(f"{path}.{error.field}: {error.message}", f"{path}.{error.field}") from error


def _fills(value: object, path: str) -> tuple[Fill, ...]:
    return tuple(_fill(item, f"{path}[{index}]") for index, item in enumerate(_list(value, path)))


def _fields(
    value: object, path: str, readers: Mapping[str, tuple[Reader, bool]], required: frozenset[str]
) -> dict[str, Any]:
    """The given fields read by their readers; null is left to the default and refused for required fields."""
    given = _object(value, path, set(readers), set(required))
    fields: dict[str, Any] = {}
    for name, raw in given.items():
        reader, nullable = readers[name]
        where = f"{path}.{name}"
        if raw is not None:
            fields[name] = reader(raw, where)
        elif not nullable:
            _refuse(where, "must not be null")
    return fields


def _object(value: object, path: str, known: set[str], required: set[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(path, "must be an object")
    given = _once(cast("dict[str, object]", value), path)
    prefix = f"{path}." if path else ""
    for name in given:
        if name not in known:
            _refuse(prefix + name, f"is not a known field; known are {', '.join(sorted(known))}")
    for name in sorted(required):
        if name not in given:
            _refuse(prefix + name, "is required")
    return given


def _once(given: dict[str, object], path: str) -> dict[str, object]:
    if isinstance(given, _Repeated):
        _refuse(f"{path}.{given.repeated}" if path else given.repeated, "is given twice")
    return given


def _list(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        _refuse(path, "must be a list")
    return cast("list[object]", value)


def _date(value: object, path: str) -> date:
    if isinstance(value, str) and len(value) == 10:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is not None and EARLIEST_DATE <= day <= LATEST_DATE:
            return day
    _refuse(path, "must be a date such as 2026-10-03")


def _dates(value: object, path: str) -> frozenset[date]:
    return frozenset(_date(item, f"{path}[{index}]") for index, item in enumerate(_list(value, path)))


def _whole(value: object, path: str) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value) if abs(value) <= LARGEST_NUMBER else value
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_NUMBER:
        _refuse(path, "must be a whole number")
    return value


def _weekdays(value: object, path: str) -> frozenset[int]:
    days = [_whole(item, f"{path}[{index}]") for index, item in enumerate(_list(value, path))]
    for index, day in enumerate(days):
        if not 0 <= day <= 6:
            _refuse(f"{path}[{index}]", "must be a weekday from 0 (Monday) to 6 (Sunday)")
    return frozenset(days)


def _load(value: object, path: str) -> dict[date, int]:
    if not isinstance(value, dict):
        _refuse(path, "must be an object of dates and numbers")
    load: dict[date, int] = {}
    for name, raw in _once(cast("dict[str, object]", value), path).items():
        count = _whole(raw, f"{path}.{name}")
        if count < 0:
            _refuse(f"{path}.{name}", "must not be below 0")
        load[_date(name, f"{path}.{name}")] = count
    return load


def _number(value: object, path: str) -> Decimal:
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = None
        if number is not None and number.is_finite() and abs(number) <= LARGEST_NUMBER:
            exponent = number.as_tuple().exponent
            if isinstance(exponent, int) and exponent >= -12:
                return number
    _refuse(path, "must be a number")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        _refuse(path, "must be a text")
    return value


def _id(value: object, path: str) -> MedicationId:
    text = _text(value, path)
    if not text:
        _refuse(path, "must not be empty")
    return MedicationId(text)


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        _refuse(path, "must be true or false")
    return value


def _one_of(*allowed: str) -> Reader:
    def read(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            _refuse(path, f"must be one of {', '.join(allowed)}")
        return value

    return read


def _refuse(path: str, problem: str) -> NoReturn:
    raise Invalid(f"{path or 'the patient'} {problem}.", path or None)


#: Field -> (its reader, whether null stands for the default).
_POLICY_READERS: Mapping[str, tuple[Reader, bool]] = {
    "cycle_days": (_whole, False),
    "horizon_days": (_whole, False),
    "min_lead_days": (_whole, False),
    "open_weekdays": (_weekdays, False),
    "closed_dates": (_dates, True),
    "daily_capacity": (_whole, True),
    "planned_load": (_load, True),
    "preferred_weekdays": (_weekdays, True),
    "requested_date": (_date, True),
    "buffer_days": (_whole, False),
}
_FILL_READERS: Mapping[str, tuple[Reader, bool]] = {
    "date": (_date, False),
    "days_supply": (_whole, True),
    "quantity": (_number, True),
    "kind": (_one_of("full", "short"), True),
    "picked_up_on": (_date, True),
}
_MEDICATION_READERS: Mapping[str, tuple[Reader, bool]] = {
    "id": (_id, False),
    "name": (_text, True),
    "units_per_day": (_number, True),
    "fills": (_fills, False),
    "usual_days": (_whole, True),
    "form": (_text, True),
    "status": (_one_of("active", "discontinued", "expired"), True),
    "refills_left": (_whole, True),
    "quantity_left": (_number, True),
    "expires_on": (_date, True),
    "pa_ends_on": (_date, True),
    "splittable": (_flag, True),
    "maintenance": (_flag, True),
    "as_needed": (_flag, True),
    "schedule": (_whole, True),
    "threshold": (_number, True),
    "include": (_flag, True),
    "cost_per_fill": (_number, True),
    "copay": (_number, True),
}


def _option_json(option: Option) -> dict[str, object]:
    cost = option.cost
    written: dict[str, object] = {
        "strategy": option.strategy,
        "same_as": list(option.same_as),
        "sync_date": _iso(option.sync_date),
        "cost": None
        if cost is None
        else {
            "gap_days": cost.gap_days,
            "too_soon": cost.too_soon,
            "trips": cost.trips,
            "short_fills": cost.short_fills,
            "left_out": cost.left_out,
            "early_days": cost.early_days,
        },
        "needs_pharmacist_review": option.needs_pharmacist_review,
        "extra_copay": f"{option.extra_copay:.2f}",
        "explanation": option.explanation,
        "medications": [_medication_json(medication) for medication in option.medications],
    }
    if option.reason is not None:
        written["reason"] = option.reason
    if option.breaks:
        written["breaks"] = list(option.breaks)
    if option.without:
        written["without"] = list(option.without)
    return written


def _medication_json(plan: MedicationPlan) -> dict[str, object]:
    return {
        "id": plan.id,
        "case": plan.case,
        "next_due": _iso(plan.next_due),
        "eligible": _iso(plan.eligible),
        "early_days": plan.early_days,
        "gap_days": plan.gap_days,
        "joins_on": _iso(plan.joins_on),
        "refills_needed": plan.refills_needed,
        "needs_renewal_by": _iso(plan.needs_renewal_by),
        "pa_expires": _iso(plan.pa_expires),
        "extra_copay": f"{plan.extra_copay:.2f}",
        "fills": [_fill_json(fill) for fill in plan.fills],
    }


def _fill_json(fill: PlannedFill) -> dict[str, object]:
    return {
        "date": _iso(fill.date),
        "due": _iso(fill.due),
        "days_supply": fill.days_supply,
        "quantity": fill.quantity,
        "kind": fill.kind,
        "too_soon": fill.too_soon,
        "claim_code": fill.claim_code,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
