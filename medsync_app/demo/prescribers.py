"""What prescribers and plans do in the demo: answer renewals after days, send new prescriptions, extend approvals."""

from dataclasses import replace
from datetime import date, timedelta

from medsync_app.demo.courses import Course, Dispensed
from medsync_app.demo.world import Location, World
from medsync_app.errors import Conflict
from medsync_app.services.renewals import record_renewal_answer
from medsync_app.store.repositories import day_work

#: Days until a prescriber answers, and of a hundred how many take so long; 60: does not answer.
_DAYS, _SHARES = (1, 2, 3, 4, 60), (26, 30, 24, 12, 8)
_APPROVAL_DAYS = 365


def answer_renewals(world: World, location: Location, day: date) -> None:
    """Prescribers answer one to four days after they were asked, most with a new prescription; a few never do."""
    with world.database.reading(location.crew.technician, world.clock) as tx:
        waiting = day_work.open_renewals(tx, location.id, world.clock.now())
    for renewal_id, number, rx_number in waiting:
        answers_on = location.answers_on.get(renewal_id)
        if answers_on is None:
            answers_on = day + timedelta(days=world.random.choices(_DAYS, weights=_SHARES)[0])
            location.answers_on[renewal_id] = answers_on
        if answers_on <= day:
            answer = "denied" if world.chance(4) else "approved"
            answer_renewal(world, location, renewal_id, number, rx_number, day, answer)


def answer_renewal(
    world: World,
    location: Location,
    renewal_id: str,
    number: str,
    rx_number: str,
    day: date,
    answer: str = "approved",
) -> None:
    """Record one answer; an approval comes with the new prescription."""
    try:
        with world.database.transaction(location.crew.technician, world.clock) as tx:
            record_renewal_answer(tx, renewal_id, answer)
    except Conflict:
        return  # it was answered meanwhile
    if answer == "approved":
        send_prescription(world, location, number, rx_number, day)


def send_prescription(world: World, location: Location, number: str, rx_number: str, day: date) -> None:
    """A new prescription comes in: the pharmacy enters and bills it to see that it is paid, then puts it on hold."""
    course = location.courses[rx_number]
    course.renew(world.numbers.take(), day)
    location.know(location.charts[number])
    location.on_hold[course.rx_number] = (location.charts[number], course, _held(course, day))


def _held(course: Course, day: date) -> Dispensed:
    last = course.fills[-1]
    held = replace(
        last, rx_number=course.rx_number, fill_number=0, written_on=day, filled_on=day, sold_on=None,
        refills_left=course.refills_left,
    )  # fmt: skip
    return held.returned()


def extend_approval(location: Location, number: str, rx_number: str, day: date) -> None:
    """The plan extends its approval of a drug; the next export says so."""
    course = location.courses[rx_number]
    course.approval_ends = day + timedelta(days=_APPROVAL_DAYS)
    location.unexported.append((location.charts[number], course, course.fills[-1]))
