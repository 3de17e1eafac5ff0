"""What the enrollment wizard shows of a step, and how it is read."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads import enroll as reads
from medsync_app.reads.join import join_request
from medsync_app.reads.search import search
from medsync_app.services.save_draft import LAST_STEP
from medsync_app.ui.states import enroll_view as view
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.contact_form import (
    NO_CONTACT,
    ContactView,
    contact_view,
)
from medsync_app.ui.states.enroll_contact import contact_start
from medsync_app.ui.states.enroll_forms import (
    MAX_LINES,
)
from medsync_app.ui.states.enroll_options import (
    ImpossibleView,
    OptionView,
    impossible_views,
    left_aside,
    option_views,
)
from medsync_app.ui.states.enroll_review import NO_REVIEW, ReviewView, foreseen, review_view

_FIRST_LINES: Final = 2


@dataclass(frozen=True, slots=True)
class Sought:
    """Somebody who may be known already; `phone` counts only where a request told it."""

    first_name: str
    last_name: str
    birth_date: date | None
    phone: str = ""

    def is_same(self, other: "Sought | None") -> bool:
        """Whether both are about one name and day of birth."""
        return other is not None and self._key() == other._key()

    def _key(self) -> tuple[str, date | None]:
        return f"{self.first_name}|{self.last_name}".casefold(), self.birth_date


class EnrollShownState(AppState):
    """What the wizard shows of the step in the address."""

    loaded: bool = False
    step: int = 1
    reached: int = 1
    draft_id: str = ""
    person: view.PersonView = view.NOBODY
    done: view.DoneView = view.NOT_DONE

    # Patient
    drafts: list[view.DraftView] = []
    hits: list[view.PersonView] = []
    searched: bool = False
    adding: bool = False
    lines: list[int] = list(range(_FIRST_LINES))
    shops: list[list[str]] = []
    alike: list[view.PersonView] = []
    join: view.JoinView = view.NO_JOIN

    # Medicines
    medicines: list[view.MedicineView] = []
    mates: list[view.MateView] = []

    # Sync date
    options: list[OptionView] = []
    impossible: list[ImpossibleView] = []
    chosen: str = ""
    asked: str = ""
    breaks: str = ""
    may_override: bool = False
    override_reason: str = ""
    rhythm: str = "30"
    rhythms: list[list[str]] = []
    aside: str = ""

    # Contact
    contact: ContactView = NO_CONTACT

    review: ReviewView = NO_REVIEW

    #: What somebody else did meanwhile: a sentence when this enrollment cannot go on as it stands here, and where to
    #: look; and what is new among what is shown.
    overtaken: str = ""
    overtaken_href: str = ""
    news: str = ""

    _version: int = 0
    _searched_for: str = ""
    #: For whom the likely duplicates are shown.
    _sought: Sought | None = None

    async def _draft(self, caller: Caller) -> reads.Draft:
        if not self.draft_id:
            raise Invalid("Choose a patient first.")
        return await self._read(caller, reads.draft_of, self.draft_id)

    async def _find(self, caller: Caller, text: str) -> None:
        found = await self._read_here(caller, search, text)
        taking_part = await self._read(caller, reads.enrolled_ids, [one.patient_id for one in found])
        self.hits = [view.hit_view(one, enrolled=one.patient_id in taking_part) for one in found]
        self.searched, self._searched_for = True, text

    async def _alike(self, caller: Caller, sought: Sought) -> list[view.PersonView]:
        """Who may be the same person; the one whom a request means is none of them."""
        found = await self._read(
            caller, reads.likely_duplicates, first_name=sought.first_name, last_name=sought.last_name,
            birth_date=sought.birth_date, phone=sought.phone,
        )  # fmt: skip
        return [view.person_view(one) for one in found if one.patient_id != self.join["known"]]

    async def _show_drafts(self, caller: Caller) -> None:
        drafts = await self._read_here(caller, reads.open_drafts)
        now = runtime.clock().now()
        zone = caller.shown[0].zone if caller.shown else "UTC"
        self.drafts = [view.draft_view(draft, now, zone) for draft in drafts]

    async def _show_mates(self, caller: Caller, draft: reads.Draft) -> None:
        mates = await self._read(caller, reads.household_of, draft.person.patient_id)
        self.mates = [view.mate_view(mate, draft.place.today) for mate in mates]

    async def _medicines(self, caller: Caller, draft: reads.Draft) -> list[view.MedicineView]:
        drugs = await self._read(caller, reads.medicines_of, draft)
        may_tick = caller.may(Permission.OVERRIDE, draft.place.id)
        return [view.medicine_view(drug, draft.place.today, may_tick=may_tick) for drug in drugs]

    async def _contact(self, caller: Caller, draft: reads.Draft) -> ContactView:
        known = await self._read(caller, reads.contacts_of, draft.person.patient_id)
        return contact_view(contact_start(draft, known))

    async def _review(self, caller: Caller, draft: reads.Draft) -> ReviewView:
        found = await self._read(caller, foreseen, draft)
        return review_view(draft, found, runtime.clock().now())

    async def _show_start(self, caller: Caller, *, adding: bool) -> None:
        self.step, self.draft_id, self.person = 1, "", view.NOBODY
        self.reached = 1
        self.hits, self.searched, self.alike, self._sought = [], False, [], None
        self.adding, self.lines = adding, list(range(_FIRST_LINES))
        await self._show_drafts(caller)
        shops = [place for place in caller.shown if caller.scope.sees(place.id)]
        self.shops = [[place.id, place.name] for place in shops] if len(shops) > 1 else []

    async def _show_join(self, caller: Caller, request_id: str) -> None:
        request = await self._read(caller, join_request, request_id)
        if request.handled_by:
            raise Conflict(f"{request.handled_by} has handled this request already.")
        place = next(place for place in caller.places if place.id == request.pharmacy_id)
        self.lines = list(range(max(_FIRST_LINES, len(request.medicines))))
        self.join = view.join_view(request, runtime.clock().now(), place.zone, MAX_LINES)
        self.shops = [[place.id, place.name]] if self.shops else []
        self._sought = Sought(request.first_name, request.last_name, request.birth_date, request.phone)
        self.alike = await self._alike(caller, self._sought)

    async def _show_draft(self, caller: Caller, draft_id: str, wanted: int) -> None:
        draft = await self._read(caller, reads.draft_of, draft_id)
        if draft.finished:
            raise Conflict("This enrollment is finished already. Open the patient's page.")
        self.draft_id, self._version = draft.draft_id, draft.version
        self.person, self.reached = view.head_of(draft), draft.step
        step = min(wanted or draft.step, draft.step, LAST_STEP)
        if step == 5 and draft.answers.sync_date is None:
            step = 3
        await self._show_mates(caller, draft)
        if step == 2:
            self.medicines = await self._medicines(caller, draft)
        elif step == 3:
            await self._show_dates(caller, draft)
        elif step == 4:
            self.contact = await self._contact(caller, draft)
        else:
            self.review = await self._review(caller, draft)
        self.step = step

    async def _show_dates(self, caller: Caller, draft: reads.Draft) -> None:
        proposal = await self._read(caller, reads.proposal_of, draft)
        self.options, self.impossible = option_views(proposal), impossible_views(proposal)
        self.aside = left_aside(proposal)
        self.asked = draft.answers.requested.isoformat() if draft.answers.requested else ""
        days = proposal.policy.cycle_days
        choices = sorted({28, 30, 84, 90, days})
        self.rhythms = [
            *([str(n), f"Every {n} days"] for n in choices),
            ["monthly", "The same day each month"],
        ]
        self.rhythm = "monthly" if draft.answers.cadence == "monthly" else str(days)
        self.may_override = caller.may(Permission.OVERRIDE, draft.place.id)
        self.override_reason = draft.answers.override_reason
        chosen = draft.answers.sync_date or draft.answers.requested
        wanted = chosen.isoformat() if chosen else ""
        found = next((option["key"] for option in self.options if option["iso"] == wanted), "")
        self._choose(found or (self.options[0]["key"] if self.options else ""))

    def _choose(self, key: str) -> None:
        self.chosen = key
        self.breaks = next((option["breaks"] for option in self.options if option["key"] == key), "")
