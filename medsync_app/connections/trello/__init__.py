"""Tasks as cards of a Trello list: POST /cards, archived when they are settled."""

from typing import Any

from medsync_app.connections.http import is_loopback, request
from medsync_app.connections.outside import Placed, TaskNews
from medsync_app.connections.protocol import Failure, SendFailed


class TrelloList:
    """One list, with an API key and a member's token (sent in a header, so that no log of addresses holds them)."""

    def __init__(self, *, key: str, token: str, list_id: str, api_url: str) -> None:
        self._list, self._api = list_id, api_url.rstrip("/")
        self._sign = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
        self.loopback = is_loopback(api_url)

    def place(self, news: TaskNews) -> Placed:
        card = {
            "idList": self._list, "name": news.title, "desc": f"{news.body}\n\n{news.url}",
            "due": news.due_at.isoformat(timespec="seconds"),
        }  # fmt: skip
        made = self._call("POST", "/cards", card)
        if not made.get("id"):
            raise SendFailed(Failure.IN_DOUBT, "Trello's answer could not be read.", code="unreadable")
        return Placed(str(made["id"]), str(made.get("shortUrl", "")))

    def finish(self, ref: str) -> None:
        self._call("PUT", f"/cards/{ref}", {"closed": True})

    def _call(self, method: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        return request(
            "Trello", method, f"{self._api}{path}", json=fields, headers={"Authorization": self._sign}
        )
