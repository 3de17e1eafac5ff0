"""What the pharmacy system tells in a random life, by files and by events, and what its settings change."""

from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import select

from medsync_app.connections.payload import read_object
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.services.closed_days import close_on, open_on
from medsync_app.services.keep_pharmacy_event import keep_pharmacy_event
from medsync_app.services.workflow_versions import move_cycles, newest_version, publish_workflow
from medsync_app.store.tables import ClosedDay
from tests.support.life_picks import Nothing
from tests.support.lives import MORE_DRUGS, Life, Person, rx_row
from tests.support.pharmacy_events import body_of
from tests.support.store import SYSTEM
from tests.support.two_drugs import us

Row = dict[str, str]
#: What a system may tell of one fill, in the order in which it happens.
_TALES = (
    ("rx.filled",),
    ("rx.filled", "rx.ready"),
    ("rx.filled", "rx.ready", "rx.sold"),
    ("rx.filled", "rx.sold"),
    ("rx.filled", "rx.ready", "rx.returned_to_stock"),
    ("rx.filled", "rx.reversed"),
)


def _an_rx(life: Life, person: Person) -> tuple[int, Row]:
    number = life.luck.randrange(len(person.rows))
    return number, person.rows[number]


def _next_fill(life: Life, person: Person, before: Row) -> Row:
    """The next fill of an Rx, which waits to be sold."""
    return {
        **before, "Fill Number": str(int(before["Fill Number"]) + 1), "Date Filled": us(life.today(person)),
        "Date Sold": "", "Status": "Filled", "Refills Left": str(max(0, int(before["Refills Left"]) - 1)),
    }  # fmt: skip


def filled_elsewhere(life: Life, person: Person) -> str:
    """The pharmacy system reports a fill: sold at once, or waiting."""
    number, before = _an_rx(life, person)
    row = _next_fill(life, person, before)
    if life.luck.random() < 0.5:
        row |= {"Date Sold": row["Date Filled"], "Status": "Completed"}
    life.export(person, [row])
    person.rows[number] = row
    return f"{row['Drug Name']} {'sold' if row['Date Sold'] else 'waits'}"


def sold(life: Life, person: Person) -> str:
    number, before = _an_rx(life, person)
    if before["Date Sold"] or before["Status"] == "Reversed":
        raise Nothing
    person.rows[number] = {**before, "Date Sold": us(life.today(person)), "Status": "Completed"}
    life.export(person, [person.rows[number]])
    return before["Drug Name"]


def reversed_or_returned(life: Life, person: Person) -> str:
    number, before = _an_rx(life, person)
    status = life.luck.choice(("Reversed", "Returned"))
    person.rows[number] = {**before, "Status": status}
    life.export(person, [person.rows[number]])
    return f"{before['Drug Name']} of {before['Date Filled']} {status}"


def new_rx(life: Life, person: Person) -> str:
    """A new drug, or a new Rx of one the patient takes, with its first fill."""
    known = [row["Drug Name"] for row in person.rows]
    drug = life.luck.choice([*known, *MORE_DRUGS])
    row = rx_row(life, person, drug, 30, life.today(person))
    life.export(person, [row])
    person.rows = [one for one in person.rows if one["Drug Name"] != drug] + [row]
    return drug


def told_by_events(life: Life, person: Person) -> str:
    """The system posts what became of a fill: in any order, each perhaps twice, the file may say it again."""
    number, before = _an_rx(life, person)
    row, tale = _next_fill(life, person, before), life.luck.choice(_TALES)
    told = [(name, life.clock.now() + timedelta(minutes=at)) for at, name in enumerate(tale)]
    sent = [*told, *life.luck.sample(told, life.luck.randint(0, len(told)))]
    life.luck.shuffle(sent)
    for name, at in sent:
        _post(life, person, name, at, row)
        if life.luck.random() < 0.5:
            work_pharmacy_events(life.database, life.clock)
    work_pharmacy_events(life.database, life.clock)
    day, ends = us(life.today(person)), {"rx.sold": "Completed", "rx.returned_to_stock": "Returned"}
    status = "Reversed" if tale[-1] == "rx.reversed" else ends.get(tale[-1], "Filled")
    person.rows[number] = {**row, "Status": status, "Date Sold": day if status == "Completed" else ""}
    if life.luck.random() < 0.3:
        life.export(person, [person.rows[number]])
    return f"{row['Drug Name']}: {', '.join(name for name, _ in sent)}"


def _post(life: Life, person: Person, name: str, at: datetime, row: Row) -> None:
    rx: dict[str, Any] = {"number": row["Rx Number"], "fill_number": int(row["Fill Number"])}
    if name == "rx.filled":
        rx |= {
            "drug_name": row["Drug Name"], "form": row["Form"], "quantity": row["Quantity"],
            "days_supply": row["Days Supply"], "filled_on": life.today(person).isoformat(),
            "refills_left": int(row["Refills Left"]), "schedule": row["DEA Class"],
        }  # fmt: skip
    event_id = f"{row['Rx Number']}-{row['Fill Number']}-{name}"
    patient = {"id": row["Patient ID"]}
    raw = read_object(body_of(name, event_id, rx=rx, patient=patient, at=at.isoformat()))
    with life.database.transaction(SYSTEM, life.clock) as tx:
        keep_pharmacy_event(tx, person.shop.pharmacy_id, "pharmacy_system", event_id, name, raw, "")


def another_number(life: Life, person: Person) -> str:
    """A file brings another cell number: nobody has agreed to that one."""
    person.cell = f"+1404555017{life.luck.randrange(10)}"
    person.rows = [{**row, "Cell Phone": person.cell} for row in person.rows]
    life.export(person, person.rows[:1])
    return person.cell


def publish(life: Life, person: Person) -> str:
    hour, days = life.luck.choice(("09:30", "11:00", "16:00")), life.luck.choice((2, 3, 4))
    moved: object = "none"
    with life.writing(person) as tx:
        newest = newest_version(tx, person.shop.pharmacy_id)
        document = cast(
            dict[str, Any], {**newest.document, "steps": [dict(s) for s in newest.document["steps"]]}
        )
        step = next(step for step in document["steps"] if step["id"] == "confirm_t3")
        step["trigger"] = {"on": "days_before", "days": days, "at": hour}
        publish_workflow(tx, person.shop.pharmacy_id, document)
        if life.luck.random() < 0.7:
            moved = move_cycles(tx, person.shop.pharmacy_id)
    return f"confirm_t3 {days} days before at {hour}, {moved}"


def close_or_open_a_day(life: Life, person: Person) -> str:
    day: date = life.today(person) + timedelta(days=life.luck.randint(1, 20))
    with life.writing(person) as tx:
        rows = tx.session.scalars(
            select(ClosedDay).where(ClosedDay.pharmacy_id == person.shop.pharmacy_id)
        ).all()
        if rows and life.luck.random() < 0.5:
            row = life.luck.choice(rows)
            open_on(tx, row.id)
            return f"open on {row.day}"
        close_on(tx, person.shop.pharmacy_id, {day: "Inventory"})
    return f"closed on {day}"
