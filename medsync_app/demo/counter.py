"""What the staff of a demo location do on a day: enroll, approve, prepare, hand over."""

from collections.abc import Callable
from datetime import date, timedelta

from medsync_app.demo.world import Line, Location, World, days_left
from medsync_app.domain.consent import consent_wording
from medsync_app.domain.cycle import FETCHABLE, NOT_REQUESTED, UNFILLED
from medsync_app.domain.states import Channel, ContactBasis, CycleState, ItemState
from medsync_app.errors import Conflict
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.fill_request import record_request, waiting_for_request
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.propose import propose
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import Batch, BatchItem
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy

#: Days after the first claim when a batch goes back to stock.
_KEEP_DAYS = 10
#: Whatever the demo's today is, something stands ready on it: days that the last batches are prepared ahead.
_AHEAD_AT_LAST = 6
#: Days after which a batch that was never begun counts as missed, and the daily look of the last days has seen it.
_MISSED_DAYS = 13


def enroll_due(world: World, location: Location, day: date) -> int:
    """Enroll everybody whose day it is; gives how many could be."""
    done = 0
    for number, on in location.enrolls.items():
        if on == day and number in location.patients:
            with world.database.transaction(location.crew.technician, world.clock) as tx:
                done += _enroll(tx, world, location, number)
    return done


def _enroll(tx: Tx, world: World, location: Location, number: str) -> bool:
    patient_id = location.patients[number]
    option = propose(tx, patient_id).plan.recommended
    if option.sync_date is None or option.breaks:
        return False
    person = location.charts[number].person
    language = "es" if person.speaks_spanish else "en"
    is_main, passes = location is world.locations[0], days_left(world, option.sync_date) >= _MISSED_DAYS
    if is_main and passes and location.out_of_reach is None:
        location.out_of_reach = number
    enroll(
        tx,
        EnrollCommand(
            patient_id=patient_id, sync_date=option.sync_date, language=language,
            contacts=_contacts(tx, world, location, number, language),
            cadence="monthly" if world.chance(12) else "every", drug_names_wanted=world.chance(20),
            preferred_channel=Channel.SMS if person.mobile and world.chance(85) else None,
            fulfilment="delivery" if world.chance(8) else "pickup",
        ),
    )  # fmt: skip
    return True


def _contacts(
    tx: Tx, world: World, location: Location, number: str, language: str
) -> tuple[ContactChoice, ...]:
    person = location.charts[number].person
    name = tx.get(Pharmacy, location.id).name
    chosen: list[ContactChoice] = []
    ways = ((Channel.SMS, person.mobile), (Channel.VOICE, person.landline), (Channel.EMAIL, person.email))
    for channel, address in ways:
        if not address:
            continue
        given = world.random.random()
        basis = (
            ContactBasis.EXPRESS if given < 0.74
            else ContactBasis.NUMBER_GIVEN if given < 0.94
            else ContactBasis.DECLINED
        )  # fmt: skip
        wording = consent_wording(language, channel, name) if basis is ContactBasis.EXPRESS else ""
        chosen.append(ContactChoice(channel, address, basis, wording))
    return tuple(chosen)


def approve_waiting(world: World, location: Location, day: date) -> None:
    """The pharmacist approves what waits since yesterday; of the last days' plans only some."""
    with world.database.reading(location.crew.pharmacist, world.clock) as tx:
        waiting = day_work.unapproved(tx, location.id)
    for cycle_id in waiting:
        if days_left(world, day) <= 2 and world.chance(10):
            continue
        with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
            cycle = tx.get(Cycle, cycle_id)
            if waits_for_a_call(location, cycle):
                continue
            if cycle.unapproved:
                approve(tx, cycle_id, expected_version=cycle.version)


def waits_for_a_call(location: Location, cycle: Cycle) -> bool:
    """Whether a plan is not approved before its patient, who missed a batch, has been reached."""
    return cycle.number > 1 and cycle.patient_id == location.patients.get(location.out_of_reach or "")


def prepare_due(world: World, location: Location, day: date) -> None:
    """Make ready what is due by the next open day, as far as it can be filled; on the last days also what comes."""
    ahead = _AHEAD_AT_LAST if days_left(world, day) <= 2 else 1 if day.weekday() < 5 else 2
    for batch in _batches(world, location, day + timedelta(days=ahead)):
        unreachable = batch.kind == "sync" and batch.patient == location.out_of_reach
        if unreachable or batch.state is CycleState.PROPOSED or world.chance(4):
            continue
        pending = [item for item in batch.items if item.state in UNFILLED]
        if pending:
            _prepare(world, location, day, batch, pending)


def _prepare(world: World, location: Location, day: date, batch: Batch, pending: list[BatchItem]) -> None:
    if any(item.problem == NOT_REQUESTED for item in pending) and not world.chance(70):
        return
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        if waiting_for_request(tx, tx.get(Cycle, batch.id)):
            record_request(tx, batch.id, how="call")
    problems: dict[str, ItemProblem] = {}
    for item in pending:
        problem = _problem(world, location, day, item)
        if problem is not None:
            problems[item.id] = problem
    ready = [item for item in pending if item.id not in problems]
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        version = tx.get(Cycle, batch.id).version
        mark_ready(
            tx, batch.id, expected_version=version, items=[item.id for item in ready], problems=problems
        )
    for item in ready:
        course = location.courses[item.rx_number]
        chart = location.charts[batch.patient]
        location.on_hold.pop(course.rx_number, None)
        done = course.fill(day, None, item.days_supply, uses_refill=not item.short)
        line: Line = (chart, course, done)
        location.waiting[item.id] = line
        location.unexported.append(line)
        location.know(chart)


def _problem(world: World, location: Location, day: date, item: BatchItem) -> ItemProblem | None:
    course = location.courses[item.rx_number]
    if course.refills_left == 0 and course.fill_number >= 0 and not item.short:
        if not world.chance(40):
            return ItemProblem("no_refills")
        course.renew(world.numbers.take(), day)  # the prescriber was phoned
    if item.problem == "out_of_stock":
        return ItemProblem("out_of_stock", item_expected(day)) if world.chance(40) else None
    if world.chance(14 if days_left(world, day) <= 2 else 2.5):
        return ItemProblem("out_of_stock", item_expected(day), "The wholesaler has none today.")
    return None


def item_expected(day: date) -> date:
    """When a drug that is out of stock is expected."""
    return day + timedelta(days=3)


def comes_on(world: World, batch: Batch) -> date:
    """The day somebody of the demo fetches a batch: most on its date, some late, a few not at all."""
    late = world.random.choices((0, 1, 2, 4, 60), weights=(76, 11, 6, 3, 4))[0]
    return batch.sync_date + timedelta(days=late)


def hand_over(
    world: World, location: Location, day: date, decide: Callable[[World, Batch], date] = comes_on
) -> None:
    """People fetch what is ready, each on the day that is decided when it could first be fetched."""
    for batch in _batches(world, location, day):
        if batch.state not in FETCHABLE or batch.sync_date > day:
            continue
        fetch = location.fetch_on.get(batch.id) or decide(world, batch)
        location.fetch_on[batch.id] = fetch
        if fetch <= day:
            _hand_over(world, location, day, batch)
        elif (day - batch.sync_date).days >= _KEEP_DAYS and world.chance(60):
            _put_back(world, location, day, batch)


def _hand_over(world: World, location: Location, day: date, batch: Batch) -> None:
    ready = [item for item in batch.items if item.state is ItemState.READY]
    if len(ready) > 2 and world.chance(4):
        ready = ready[:-1]  # one was forgotten at the counter
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        version = tx.get(Cycle, batch.id).version
        confirm_pickup(tx, batch.id, expected_version=version, items=[item.id for item in ready])
    for item in ready:
        line = location.waiting.pop(item.id, None)
        if line is not None:
            location.unexported.append(_sold(line, day))


def _sold(line: Line, day: date) -> Line:
    chart, course, done = line
    sold = done.sold(day)
    course.fills[course.fills.index(done)] = sold
    return chart, course, sold


def _put_back(world: World, location: Location, day: date, batch: Batch) -> None:
    try:
        with world.database.transaction(location.crew.technician, world.clock) as tx:
            return_to_stock(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    except Conflict:
        return
    for item in batch.items:
        line = location.waiting.pop(item.id, None)
        if line is not None:
            chart, course, done = line
            course.fills.remove(done)
            course.refills_left += 1
            location.unexported.append((chart, course, done.returned()))


def _batches(world: World, location: Location, until: date) -> list[Batch]:
    with world.database.reading(location.crew.technician, world.clock) as tx:
        return day_work.open_batches(tx, location.id, until)
