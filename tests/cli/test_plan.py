"""`plan`: JSON in, JSON out, and clear words about input that cannot be used."""

import copy
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli.plan import run

PATIENT: dict[str, Any] = {
    "today": "2026-10-03",
    "policy": {
        "cycle_days": 30,
        "horizon_days": 45,
        "min_lead_days": 0,
        "open_weekdays": [0, 1, 2, 3, 4, 5, 6],
        "closed_dates": [],
        "daily_capacity": None,
        "planned_load": {"2026-10-28": 12},
        "preferred_weekdays": [],
        "requested_date": "2026-10-15",
        "buffer_days": 0,
    },
    "medications": [
        {
            "id": "1",
            "name": "lisinopril 10 mg",
            "units_per_day": 1,
            "fills": [
                {
                    "date": "2026-09-20",
                    "days_supply": 30,
                    "quantity": 30,
                    "kind": "full",
                    "picked_up_on": None,
                }
            ],
            "usual_days": None,
            "form": "tablet",
            "status": "active",
            "refills_left": 3,
            "quantity_left": None,
            "expires_on": None,
            "pa_ends_on": None,
            "splittable": True,
            "maintenance": True,
            "as_needed": False,
            "schedule": None,
            "threshold": 0.75,
            "include": None,
            "cost_per_fill": None,
            "copay": "47.00",
        },
        {"id": "2", "fills": [{"date": "2026-09-28", "days_supply": 30}]},
        {"id": "3", "units_per_day": 2, "fills": [{"date": "2026-10-02", "days_supply": 30}]},
        {"id": "9", "schedule": 2, "fills": [{"date": "2026-10-02", "days_supply": 30}]},
    ],
}


def call(text: str, *argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = run(list(argv) or ["-"], io.StringIO(text), out, err)
    return code, out.getvalue(), err.getvalue()


def planned(patient: object) -> Any:
    code, out, err = call(json.dumps(patient))
    assert (code, err) == (0, "")
    return json.loads(out)


def changed(path: str, value: object) -> dict[str, Any]:
    """PATIENT with one value replaced; the path's parts are separated by slashes."""
    patient = copy.deepcopy(PATIENT)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    target: Any = patient
    for part in parents:
        target = target[part]
    target[last] = value
    return patient


def test_the_recommended_option_is_written_to_the_letter():
    found = planned(PATIENT)
    assert found["excluded"] == [{"id": "9", "reason": "schedule_ii"}]
    option = found["options"][0]
    assert option["strategy"] == "recommended"
    assert option["sync_date"] == "2026-10-28"
    assert option["cost"] == {
        "gap_days": 0,
        "too_soon": 0,
        "trips": 1,
        "short_fills": 1,
        "left_out": 0,
        "early_days": 4,
    }
    assert option["needs_pharmacist_review"] is True
    assert option["extra_copay"] == "12.56"
    assert option["explanation"].endswith(".")
    lisinopril = option["medications"][0]
    assert lisinopril["fills"] == [
        {
            "date": "2026-10-20",
            "due": "2026-10-20",
            "days_supply": 8,
            "quantity": 8,
            "kind": "short",
            "too_soon": False,
            "claim_code": 47,
        },
        {
            "date": "2026-10-28",
            "due": "2026-10-28",
            "days_supply": 30,
            "quantity": 30,
            "kind": "full",
            "too_soon": False,
            "claim_code": 48,
        },
    ]
    del lisinopril["fills"]
    assert lisinopril == {
        "id": "1",
        "case": "bridge",
        "next_due": "2026-10-20",
        "eligible": "2026-10-13",
        "early_days": 0,
        "gap_days": 0,
        "joins_on": "2026-10-28",
        "refills_needed": 1,
        "needs_renewal_by": None,
        "pa_expires": None,
        "extra_copay": "12.56",
    }


def test_every_strategy_is_listed_and_those_that_coincide_name_each_other():
    options = {option["strategy"]: option for option in planned(PATIENT)["options"]}
    assert list(options) == [
        "recommended",
        "anchor",
        "latest_due",
        "earliest_due",
        "most_common_due",
        "requested",
    ]
    assert options["latest_due"]["sync_date"] == "2026-11-01"
    assert options["latest_due"]["same_as"] == ["anchor"]
    assert options["requested"]["cost"]["left_out"] == 2


def test_only_id_and_fills_are_needed():
    found = planned(
        {
            "today": "2026-10-05",
            "medications": [{"id": "r", "fills": [{"date": "2026-09-25", "days_supply": 90}]}],
        }
    )
    assert found["options"][0]["sync_date"] == "2026-12-24"
    assert "requested" not in {option["strategy"] for option in found["options"]}


def test_a_strategy_without_a_date_gives_the_reason():
    found = planned({"today": "2026-10-05", "medications": []})
    for option in found["options"]:
        assert option["sync_date"] is None
        assert option["cost"] is None
        assert option["medications"] == []
        assert option["reason"] == "No medicine takes part in the plan."


def test_a_requested_date_says_what_it_breaks():
    options = planned(changed("policy/closed_dates", ["2026-10-15"]))["options"]
    assert options[-1]["breaks"] == ["closed"]


def test_fractions_are_exact_whether_written_as_number_or_text():
    for units in (0.1, "0.1"):
        found = planned(changed("medications/0/units_per_day", units))
        # 30 days of a tenth are 3 units, not 4 as binary fractions would have it.
        assert found["options"][0]["medications"][0]["fills"][1]["quantity"] == 3


def test_a_list_of_patients_gives_a_list_with_an_error_in_the_place_of_a_bad_one():
    bad = changed("medications/0/fills/0/days_supply", "thirty")
    code, out, err = call(json.dumps([PATIENT, bad, PATIENT]))
    assert code == 0
    found = json.loads(out)
    assert found[0] == found[2] == planned(PATIENT)
    assert found[1] == {
        "error": {
            "field": "medications[0].fills[0].days_supply",
            "message": "medications[0].fills[0].days_supply must be a whole number.",
        }
    }
    assert err == "patient [1]: medications[0].fills[0].days_supply must be a whole number.\n"


def test_a_long_list_is_written_patient_by_patient():
    class Pieces(io.StringIO):
        longest = 0

        def write(self, text: str) -> int:
            self.longest = max(self.longest, len(text))
            return super().write(text)

    out = Pieces()
    assert run(["-"], io.StringIO(json.dumps([PATIENT] * 20)), out, io.StringIO()) == 0
    assert len(json.loads(out.getvalue())) == 20
    assert out.longest < len(out.getvalue()) / 19


def test_the_error_of_a_patient_in_a_list_names_the_second_of_two_equal_ids():
    twice = changed("medications/1/id", "1")
    code, out, err = call(json.dumps([PATIENT, twice]))
    assert code == 0
    assert json.loads(out)[1]["error"]["field"] == "medications[1].id"
    assert err.startswith("patient [1]: medications[1].id ")


def test_an_empty_list_gives_an_empty_list():
    assert planned([]) == []


REFUSED: list[tuple[str, object, str]] = [
    ("today", None, "today"),
    ("today", "2026-13-01", "today"),
    ("today", "2026-10-3", "today"),
    ("today", 20261003, "today"),
    ("today", "9999-12-31", "today"),
    ("surprise", 1, "surprise"),
    ("policy", [], "policy"),
    ("policy/cycle", 30, "policy.cycle"),
    ("policy/cycle_days", 0, "policy.cycle_days"),
    ("policy/cycle_days", None, "policy.cycle_days"),
    ("policy/cycle_days", True, "policy.cycle_days"),
    ("policy/cycle_days", 30.5, "policy.cycle_days"),
    ("policy/horizon_days", 10**6, "policy.horizon_days"),
    ("policy/open_weekdays", [], "policy.open_weekdays"),
    ("policy/open_weekdays", [0, 7], "policy.open_weekdays[1]"),
    ("policy/closed_dates", ["2026-10-15", "soon"], "policy.closed_dates[1]"),
    ("policy/planned_load", {"2026-10-28": -1}, "policy.planned_load.2026-10-28"),
    ("policy/planned_load", {"today": 1}, "policy.planned_load.today"),
    ("policy/planned_load", [], "policy.planned_load"),
    ("policy/requested_date", "tomorrow", "policy.requested_date"),
    ("medications", {}, "medications"),
    ("medications/1", "2", "medications[1]"),
    ("medications/1/id", "1", "medications[1].id"),
    ("medications/1/id", "", "medications[1].id"),
    ("medications/1/id", 2, "medications[1].id"),
    ("medications/1/id", None, "medications[1].id"),
    ("medications/0/fills", None, "medications[0].fills"),
    ("medications/0/fills/0", 7, "medications[0].fills[0]"),
    ("medications/0/fills/0/days_supply", -1, "medications[0].fills[0].days_supply"),
    ("medications/0/fills/0/days_supply", 1000, "medications[0].fills[0].days_supply"),
    ("medications/0/fills/0/date", "2026-10-04", "medications[0].fills[0].date"),
    ("medications/0/fills/0/picked_up_on", "2026-09-19", "medications[0].fills[0].picked_up_on"),
    ("medications/0/fills/0/kind", "partial", "medications[0].fills[0].kind"),
    ("medications/0/fills/0/quantity", "thirty", "medications[0].fills[0].quantity"),
    ("medications/0/fills/0/lot", "x", "medications[0].fills[0].lot"),
    ("medications/0/units_per_day", 0, "medications[0].units_per_day"),
    ("medications/0/units_per_day", "NaN", "medications[0].units_per_day"),
    ("medications/0/units_per_day", 1e300, "medications[0].units_per_day"),
    ("medications/0/units_per_day", 1e-300, "medications[0].units_per_day"),
    ("medications/0/usual_days", 0, "medications[0].usual_days"),
    ("medications/0/status", "paused", "medications[0].status"),
    ("medications/0/schedule", 1, "medications[0].schedule"),
    ("medications/0/threshold", 1.5, "medications[0].threshold"),
    ("medications/0/include", "yes", "medications[0].include"),
    ("medications/0/copay", "-1.00", "medications[0].copay"),
    ("medications/0/name", 5, "medications[0].name"),
    ("medications/0/refills_left", -1, "medications[0].refills_left"),
]


@pytest.mark.parametrize(("path", "value", "field"), REFUSED)
def test_what_cannot_be_used_is_refused_by_its_path(path: str, value: object, field: str):
    code, out, err = call(json.dumps(changed(path, value)))
    assert (code, out) == (1, "")
    assert field in err
    assert json.loads(call(json.dumps([changed(path, value)]))[1])[0]["error"]["field"] == field


@pytest.mark.parametrize("missing", ["today", "medications", "medications/1/id", "medications/1/fills"])
def test_a_missing_field_is_named(missing: str):
    patient = copy.deepcopy(PATIENT)
    target: Any = patient
    *parents, last = missing.split("/")
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    del target[last]
    code, _, err = call(json.dumps(patient))
    assert code == 1
    assert f"{last} is required" in err


@pytest.mark.parametrize("missing", ["date", "days_supply"])
def test_a_fill_needs_its_date_and_days_supply(missing: str):
    patient = copy.deepcopy(PATIENT)
    del patient["medications"][0]["fills"][0][missing]
    code, _, err = call(json.dumps(patient))
    assert (code, err) == (1, f"medications[0].fills[0].{missing} is required.\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Not valid JSON at line 1"),
        ('{"today": ', "Not valid JSON"),
        ("5", "must be an object"),
        ("{}{}", "Extra data"),
        ('{"today": NaN, "medications": []}', "today must be a date"),
        ('{"today": "2026-10-03", "today": "2026-10-04", "medications": []}', "today is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ("[", "Not valid JSON at line 1, column 2"),
        (f"[{json.dumps(PATIENT)}", "Expecting ',' or ']'"),
        ("[{}\n {}]", "Not valid JSON at line 2, column 2"),
        ("[{},]", "Expecting value"),
        ("[{}] 1", "Extra data"),
        (f'{{"today": {"9" * 5000}, "medications": []}}', "today must be a date"),
    ],
)
def test_text_that_is_no_patient_is_refused(text: str, said: str):
    code, out, err = call(text)
    assert (code, out) == (1, "")
    assert said in err


#: As it stands in the file.
STRANGE = (
    "null", "true", '""', '"x"', "-1", "1.5", "1e400", "1E-400", "NaN", "-Infinity", '"NaN"', "9" * 5_000, "[]", "{}",
    "[[]]", '{"a": 1, "a": 2}', '"9999-12-31"', '"0001-01-01"', '"2026-10-03T00:00:00Z"', '"2026-10-03+02:00"',
)  # fmt: skip


def every_path(value: object, path: str = "") -> Iterator[str]:
    if path:
        yield path
    parts: Any = (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    )
    for name, part in parts:
        yield from every_path(part, f"{path}/{name}" if path else str(name))


@pytest.mark.parametrize("strange", STRANGE, ids=lambda text: text[:20])
def test_any_value_in_any_field_is_used_or_refused_by_name(strange: str):
    for path in every_path(PATIENT):
        text = json.dumps(changed(path, "@@")).replace('"@@"', strange, 1)
        code, out, err = call(text)
        if code == 0:
            assert json.loads(out)["options"]
        else:
            last = path.rpartition("/")[2]
            named = f"[{last}]" if last.isdigit() else last
            assert (code, out, named in err) == (1, "", True), (path, err)


def test_a_strange_number_in_one_patient_leaves_the_others_of_the_list():
    good = json.dumps(PATIENT)
    for strange in ("NaN", "9" * 5_000, '{"id": "1", "id": "1"}'):
        bad = json.dumps(changed("medications/0", "@@")).replace('"@@"', strange)
        code, out, err = call(f"[{good}, {bad}, {good}]")
        first, second, third = json.loads(out)
        assert (code, first) == (0, third)
        assert second["error"]["field"].startswith("medications[0]")
        assert "patient [1]: medications[0]" in err


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path):
    for encoding in ("utf-8", "utf-8-sig"):
        path = tmp_path / f"{encoding}.json"
        path.write_text(json.dumps(PATIENT), encoding=encoding)
        code, out, _ = call("", str(path))
        assert code == 0
        assert json.loads(out) == planned(PATIENT)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path):
    code, out, err = call("", str(tmp_path / "missing.json"))
    assert (code, out) == (1, "")
    assert "Cannot read" in err
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    assert call("", str(binary))[0] == 1


@pytest.mark.parametrize("argv", [["a.json", "b.json"], ["--frobnicate", "-"]])
def test_wrong_usage_exits_with_2(argv: list[str]):
    code, out, err = call("", *argv)
    assert (code, out) == (2, "")
    assert "usage" in err


def test_no_argument_is_wrong_usage_and_help_is_not():
    out, err = io.StringIO(), io.StringIO()
    assert run([], io.StringIO(), out, err) == 2
    assert run(["--help"], io.StringIO(), out, err) == 0
    assert "FILE" in out.getvalue()
