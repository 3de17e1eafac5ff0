"""What contradicts itself in two records of one person, and how each contradiction is decided: in plain words."""

from medsync_app.domain.days import plain_day
from medsync_app.domain.names import folded
from medsync_app.domain.states import EnrollmentState
from medsync_app.services.merge_contacts import MergedContacts
from medsync_app.services.merge_enrollments import Sides
from medsync_app.services.merge_facts import OpenEnrollment
from medsync_app.services.merge_therapies import MergedDrugs
from medsync_app.store.tables import Patient


def identity_words(kept: Patient, dropped: Patient) -> list[str]:
    """Where the two records say different things of the person; to be asked before either is changed."""
    found: list[str] = []
    if folded(f"{kept.first_name} {kept.last_name}") != folded(f"{dropped.first_name} {dropped.last_name}"):
        found.append("The names differ: that of the record that stays is used.")
    if kept.birth_date and dropped.birth_date and kept.birth_date != dropped.birth_date:
        found.append(
            f"The dates of birth differ ({plain_day(kept.birth_date)} {kept.birth_date.year} and "
            f"{plain_day(dropped.birth_date)} {dropped.birth_date.year}): make sure that this is one person."
        )
    if kept.language != dropped.language:
        found.append("The languages differ: that of the record that stays is used.")
    if kept.fulfilment != dropped.fulfilment:
        found.append("Pickup, delivery or mail differs: the record that stays decides.")
    if kept.drug_names_wanted != dropped.drug_names_wanted:
        found.append(
            "Only one record wants drug names in messages: they are left out until the patient is asked."
        )
    if (kept.deceased_on is None) != (dropped.deceased_on is None):
        found.append(
            "One record says that the patient has died: the enrollment ends and nothing is sent any more."
        )
    if kept.external_id is not None and dropped.external_id is not None:
        found.append(
            "Both come from the pharmacy system. Fills and prescriptions of both will be taken from now on; name, "
            "address and numbers only from the one that stays."
        )
    return found


def change_words(sides: Sides, drugs: MergedDrugs, contacts: MergedContacts) -> list[str]:
    """Where the merge had to decide between the two."""
    found: list[str] = []
    if sides.ending is not None and sides.living is not None:
        ends = next(one for one in sides.open if one.id == sides.ending.id)
        found.append(f"Both take part in the programme. {_ending(ends)}")
    for name in drugs.stopped:
        found.append(f"{name} is stopped on one record: it stays stopped until somebody says otherwise.")
    if contacts.changed:
        found.append("For a number that both have, the stricter word about messages counts.")
    if drugs.reversed_fills:
        found.append(
            "Fills that were told at the counter and are in the export too count once: "
            f"{len(drugs.reversed_fills)} marked as reversed."
        )
    return found


def _ending(row: OpenEnrollment) -> str:
    date = f" with the pickup on {plain_day(row.sync_date)}" if row.sync_date else ""
    paused = " It is paused: make sure that the patient can be written to." * (
        row.state is EnrollmentState.PAUSED
    )
    return f"The enrollment{date} ends, and what was planned for it is called off.{paused}"
