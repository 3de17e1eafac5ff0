"""The condition for many values finds what `in_` finds, in the same words for any number of them."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from medsync_app.store.one_of import one_of
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from tests.support.store import make_patient, make_shop

ODD = 'O\'Brien, "R" {x}'


@pytest.mark.both_databases
def test_one_statement_finds_none_one_or_many(database: Database) -> None:
    shop = make_shop(database)
    for name in ("Ann", "Bob", ODD):
        make_patient(database, shop, first=name)
    statement = select(Patient.first_name).where(one_of(Patient.first_name, "names"))
    with Session(database.engine) as session:
        for wanted in ([], ["Bob"], ["Ann", ODD, "nobody", "Ann"], {"Ann": 1, "Bob": 2}):
            found = session.scalars(statement, {"names": wanted}).all()
            assert sorted(found) == sorted({"Ann", "Bob", ODD} & set(wanted))


@pytest.mark.both_databases
def test_the_rows_are_found_by_index(database: Database) -> None:
    found = select(Patient.last_name).where(one_of(Patient.id, "ids"), Patient.last_name != "")
    words = str(found.compile(database.engine, compile_kwargs={"render_postcompile": True}))
    values = {"ids": '["a"]' if database.is_sqlite else ["a"], "last_name_1": ""}
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # few rows: it would be cheaper
        given = tuple(values.values()) if database.is_sqlite else values
        plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + words, given))
    assert ("SEARCH patient USING INDEX" if database.is_sqlite else "Index") in plan
