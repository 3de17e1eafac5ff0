"""The pages beside those of `open_forms`, each with what somebody has typed there, and what a colleague does."""

from datetime import timedelta

from medsync_app.clock import SystemClock
from medsync_app.domain.benchmarks import typed_benchmark
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.domain.states import ExceptionKind, Role
from medsync_app.services.agreements import Carrier, set_agreement
from medsync_app.services.exceptions import comment
from medsync_app.services.join import rotate_link
from medsync_app.services.planning_rules import set_threshold, typed_share
from medsync_app.services.save_draft import start_draft
from medsync_app.services.set_benchmark import set_benchmark
from medsync_app.store.ids import new_id
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun, ClosedDay, ImportRun, Pharmacy
from tests.support.adherent import monthly
from tests.support.open_forms import MARK, OpenForm
from tests.support.screens import make_batch, make_task, make_therapy
from tests.support.signed_in_page import now, today
from tests.support.store import SYSTEM, Shop, make_patient

#: Colleagues at a workstation are people who have signed in there: `tests/ui/test_account_state.py` shows them.
ACCOUNT = OpenForm("account", "/account", {"[name=password]": "half a pass"}, live=False)


def views(database: Database, shop: Shop) -> tuple[OpenForm, ...]:
    """Makes what the pages need, and gives one form for each."""
    patient = make_patient(database, shop, first="Ida", phone="+14045550177")
    for drug in ("Lisinopril 10 mg", "Metformin 500 mg"):
        make_therapy(
            database, shop, patient, drug, fills=monthly(today() - timedelta(days=150), 6), rx_number=new_id()
        )
    with database.transaction(shop.scope, SystemClock()) as tx:
        draft = start_draft(tx, patient).draft_id
    outdated = "Something has changed since these dates were worked out"
    return (
        OpenForm("day sheet", "/calendar/day", {}),
        OpenForm("order list", "/calendar/order", {}),
        OpenForm("level", "/calendar/level", {}, mark=outdated),
        OpenForm("together", "/candidates/together", {}, mark=outdated),
        OpenForm("candidates", "/candidates", {}),
        OpenForm(
            "adherence", "/adherence?window=last_12_months", {"[name=share]": "77", "[name=source]": "Our plan"},
            click=("[data-testid=line-open]",),
        ),
        OpenForm("wizard", f"/enroll?draft={draft}&step=2", {"[data-testid=days-supply] >> nth=0": "28"}),
        ACCOUNT,
        OpenForm(
            "pharmacy", "/settings?tab=pharmacy", {"[name=name]": "Half a na", "[name=daily_capacity]": "12"},
            mark="Somebody else changed: Address, Batches a day.",
        ),
        OpenForm("closures", "/settings?tab=closures", {"[name=name]": "Inventory"}),
        OpenForm(
            "rules", "/settings?tab=rules", {"[name=plan]": "A plan", "[name=months_none]": "13"}, mark="zora plan",
        ),
        OpenForm("import", "/settings?tab=import", {}),
        OpenForm("join", "/settings?tab=join", {}, mark="/join/"),
        OpenForm(
            "connections", "/settings?tab=connections", {"[name=signed_ringcentral]": "2026-11-01"},
            mark="TwilioSigned",
        ),
        OpenForm("audit", "/settings?tab=audit", {}),
        OpenForm("backup", "/settings?tab=backup", {}),
    )  # fmt: skip


def colleague_acts(database: Database, shop: Shop) -> None:
    """Zora does something that each of the pages shows."""
    zora = Scope.staff("staff-zora", f"{MARK} Newhand", {shop.pharmacy_id: Role.OWNER})
    for first in (MARK, f"{MARK}ida"):
        patient = make_patient(database, shop, first=first, phone="+14045550199")
        recent = monthly(today() - timedelta(days=150), 6)
        drugs = tuple(
            make_therapy(database, shop, patient, name, fills=recent, rx_number=new_id())
            for name in (f"{MARK}pril 10 mg", "Metformin 500 mg")
        )
        if first == MARK:
            make_batch(database, shop, patient, drugs, on=today())
    wizard = next(iter(_drafted(database, shop)))
    make_therapy(database, shop, wizard, f"{MARK}statin 20 mg", rx_number=new_id())
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient, due_at=now())
    with database.transaction(zora, SystemClock()) as tx:
        comment(tx, task, "Seen.")
        rotate_link(tx, shop.pharmacy_id)
        set_threshold(tx, shop.pharmacy_id, f"{MARK} plan", typed_share("80"))
        set_agreement(tx, shop.pharmacy_id, Carrier.TWILIO, today())
        line = typed_benchmark("77", f"{MARK}'s plan", "2026")
        for drug_class in DrugClass:
            set_benchmark(tx, shop.pharmacy_id, drug_class, line)
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        pharmacy.address, pharmacy.daily_capacity = "1 Other Street", 30
        tx.add(
            ClosedDay(pharmacy_id=shop.pharmacy_id, day=today() + timedelta(days=40), name=f"{MARK}'s day")
        )
        tx.add(
            ImportRun(
                pharmacy_id=shop.pharmacy_id, file_name=f"{MARK}.csv", file_hash=new_id(), stored_path="",
                state="done", started_by=MARK, created_at=now(),
            )
        )  # fmt: skip
    with database.transaction(SYSTEM, SystemClock()) as tx:
        tx.add(BackupRun(started_at=now(), finished_at=now(), file_name=f"{MARK}.enc", size_bytes=1))


def _drafted(database: Database, shop: Shop) -> list[str]:
    from medsync_app.reads.enroll import open_drafts

    with database.reading(shop.scope) as tx:
        return [one.person.patient_id for one in open_drafts(tx)]
