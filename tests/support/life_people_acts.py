"""What becomes of people in a random life: a second record and its merging, a death, an end and a new beginning."""

from sqlalchemy import select

from medsync_app.domain.states import Channel, EnrollmentState
from medsync_app.services.merge_patients import merge_patients
from medsync_app.services.withdraw import withdraw
from medsync_app.store.tables import Patient
from tests.support.life_picks import Nothing, enrollment_of, one_of
from tests.support.lives import MORE_DRUGS, Life, Person, join, rx_row


def second_record(life: Life, person: Person) -> str:
    """The pharmacy system has the same person twice: with the same number or another, taking part or not."""
    if sum(one.shop == person.shop for one in life.people) > 2:
        raise Nothing
    phone = life.luck.choice((person.phone, "+14045550149"))
    twin = Person(f"{person.name}b", person.shop, person.zone, phone, person.email)
    if any(one.name == twin.name for one in life.people) or twin.name in life.merged:
        raise Nothing
    drug = life.luck.choice([*(row["Drug Name"] for row in person.rows), *MORE_DRUGS])
    twin.rows.append(rx_row(life, twin, drug, 30, life.today(person)))
    life.export(twin, twin.rows)
    with life.reading() as tx:
        twin.patient_id = tx.session.scalars(select(Patient.id).where(Patient.external_id == twin.name)).one()
    life.people.append(twin)
    if life.luck.random() < 0.5:
        join(life, twin, life.luck.choice(list(Channel)))
    return twin.name


def merge(life: Life, person: Person) -> str:
    """Two records of one person become one; which one stays is chance, as is whose enrollment goes on."""
    other = one_of(life, [p for p in life.people if p is not person and p.name[:2] == person.name[:2]])
    kept, dropped = life.luck.sample((person, other), 2)
    chosen = None
    if life.luck.random() < 0.5:
        chosen = enrollment_of(life, life.luck.choice((person, other))).id
    with life.writing(person) as tx:
        merge_patients(tx, kept.patient_id, dropped.patient_id, reason="The same.", enrollment_id=chosen)
    kept.rows += dropped.rows
    kept.agreed |= dropped.agreed
    kept.confirmed |= {
        number: max(at, kept.confirmed.get(number, at)) for number, at in dropped.confirmed.items()
    }
    life.people.remove(dropped)
    life.merged.add(dropped.name)
    if dropped.patient_id in life.dead:
        life.dead.add(kept.patient_id)
    return f"{dropped.name} into {kept.name}"


def die(life: Life, person: Person) -> str:
    return _end(life, person, EnrollmentState.DECEASED)


def leave(life: Life, person: Person) -> str:
    return _end(life, person, EnrollmentState.WITHDRAWN)


def _end(life: Life, person: Person, state: EnrollmentState) -> str:
    enrollment = enrollment_of(life, person)
    with life.writing(person) as tx:
        withdraw(tx, enrollment.id, expected_version=enrollment.version, reason="As told.", state=state)
    if state is EnrollmentState.DECEASED:
        life.dead.add(person.patient_id)
    return state.value


def come_back(life: Life, person: Person) -> str:
    """Who has left, or never took part, is enrolled."""
    return join(life, person, life.luck.choice(list(Channel)))
