"""Tasks in an Asana project: POST /tasks, completed when they are settled."""

from typing import Any, cast

from medsync_app.connections.http import is_loopback, request
from medsync_app.connections.outside import Placed, TaskNews
from medsync_app.connections.protocol import Failure, SendFailed


class AsanaProject:
    """One project, with a personal or service token."""

    def __init__(self, *, token: str, project: str, api_url: str) -> None:
        self._token, self._project, self._api = token, project, api_url.rstrip("/")
        self.loopback = is_loopback(api_url)

    def place(self, news: TaskNews) -> Placed:
        task = {
            "name": news.title, "notes": f"{news.body}\n\n{news.url}", "projects": [self._project],
            "due_at": news.due_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }  # fmt: skip
        made = self._call("POST", "/tasks", task)
        if not made.get("gid"):
            raise SendFailed(Failure.IN_DOUBT, "Asana's answer could not be read.", code="unreadable")
        return Placed(str(made["gid"]), str(made.get("permalink_url", "")))

    def finish(self, ref: str) -> None:
        self._call("PUT", f"/tasks/{ref}", {"completed": True})

    def _call(self, method: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
        answer = request(
            "Asana", method, f"{self._api}{path}", json={"data": data},
            params={"opt_fields": "gid,permalink_url"}, headers={"Authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        found = answer.get("data")
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
