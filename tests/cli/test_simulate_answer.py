"""The answer about staff time: both groups with their sums, the dearest step, and what to do about it."""

from medsync_app.cli.simulate import answer
from medsync_app.domain.staff_time import staff_time


def test_the_answer_names_both_sums_their_parts_the_dearest_step_and_a_remedy() -> None:
    done = {"call_patient": 400, "not_picked_up": 100, "board": 25}
    staff = staff_time(done, {"call_patient": 400, "renewal": 200}, days=30, minutes={})
    first, *lines = answer(staff, "200 patients").splitlines()
    assert first.startswith(
        "200 patients: 33.8 hours a month by hand, 25.8 with MedSync. Of these 23.7 and 20.7 "
    )
    assert "Call patient costs most. Call only on the day the task is due" in first
    assert lines[0].split() == ["hours", "a", "month", "MedSync", "by", "hand"]
    names = [line[:22].strip() for line in lines[1:]]
    assert names == [
        "call patient", "board", "because of sync", "not picked up", "renewal", "with any prescription", "sum",
    ]  # fmt: skip
