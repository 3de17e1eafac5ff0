"""One act of a random life, drawn from all that people do."""

from collections.abc import Callable

from medsync_app.errors import MedSyncError
from tests.support import life_batch_acts as batches
from tests.support import life_contact_acts as contacts
from tests.support import life_people_acts as people
from tests.support import life_system_acts as system
from tests.support.life_picks import Nothing
from tests.support.lives import Life, Person

Act = Callable[[Life, Person], str]
_WEIGHED: dict[Act, int] = {
    batches.ready: 12, batches.not_ready: 5, batches.fetch: 9, batches.not_fetched: 3, batches.back_to_stock: 2,
    batches.answer_about_drugs: 3, batches.stop_a_drug: 1, batches.take_in_a_drug: 2, batches.another_dose: 2,
    batches.move: 5, batches.approve_plan: 10, batches.pause_or_resume: 4,
    contacts.text_us: 5, contacts.called: 4, contacts.agree_anew: 4, contacts.wants_no_more: 1, contacts.decide: 3,
    contacts.other_wishes: 4, contacts.click_unsubscribe: 1,
    contacts.it_is_ours: 2,
    system.filled_elsewhere: 3, system.sold: 3, system.reversed_or_returned: 2, system.new_rx: 2,
    system.told_by_events: 3, system.another_number: 1, system.publish: 1, system.close_or_open_a_day: 1,
    people.second_record: 1, people.merge: 2, people.die: 1, people.leave: 1, people.come_back: 4,
}  # fmt: skip
_ACTS, _WEIGHTS = list(_WEIGHED), list(_WEIGHED.values())


def act(life: Life) -> None:
    """One random act; what a service refuses in plain words is part of life."""
    person, chosen = life.luck.choice(life.people), life.luck.choices(_ACTS, _WEIGHTS)[0]
    name = f"{person.name} {chosen.__name__}"
    try:
        done = chosen(life, person)
    except Nothing:
        return
    except MedSyncError as refused:
        done = f"refused: {refused.message}"
    except Exception:
        life.note(f"{name} broke")
        raise
    life.note(f"{name} {done}")
