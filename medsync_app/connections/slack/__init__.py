"""Tasks in a Slack channel: chat.postMessage with a bot's token, or an incoming webhook."""

from typing import Any

from medsync_app.connections.http import is_loopback, request
from medsync_app.connections.outside import Placed, TaskNews
from medsync_app.connections.protocol import Failure, SendFailed

#: Answers "ok": false with these: our token or channel, or too much at once.
_SETTINGS = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "channel_not_found", "not_in_channel",
    "is_archived", "missing_scope",
})  # fmt: skip
_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable"})


class SlackChannel:
    """One channel. With a webhook nothing can be said in a thread: what is settled is said in the channel."""

    def __init__(self, *, token: str = "", channel: str = "", webhook: str = "", api_url: str) -> None:
        self._token, self._channel, self._webhook = token, channel, webhook
        self._api = api_url.rstrip("/")
        self.loopback = is_loopback(webhook or api_url)

    def place(self, news: TaskNews) -> Placed:
        text = f"*{_plain(news.title)}*\n{_plain(news.body)}\n<{news.url}|Open in MedSync>"
        if self._webhook:
            request("Slack", "POST", self._webhook, json={"text": text})
            return Placed("webhook")
        answer = self._call("chat.postMessage", {"channel": self._channel, "text": text})
        channel, stamp = str(answer.get("channel", self._channel)), str(answer.get("ts", ""))
        return Placed(f"{channel}:{stamp}", self._link(channel, stamp))

    def finish(self, ref: str) -> None:
        channel, _, stamp = ref.partition(":")
        if self._webhook or not stamp:
            return
        self._call("chat.postMessage", {"channel": channel, "text": "Settled.", "thread_ts": stamp})

    def _link(self, channel: str, stamp: str) -> str:
        """The message's address; a link that cannot be had is no reason to post again."""
        try:
            answer = self._call("chat.getPermalink", {"channel": channel, "message_ts": stamp})
        except SendFailed:
            return ""
        return str(answer.get("permalink", ""))

    def _call(self, method: str, fields: dict[str, str]) -> dict[str, Any]:
        answer = request(
            "Slack", "POST", f"{self._api}/{method}", data=fields,
            headers={"Authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        if answer.get("ok") is True:
            return answer
        error = str(answer.get("error", "unreadable"))
        failure = Failure.PERMANENT
        if error in _SETTINGS:
            failure = Failure.CONFIGURATION
        elif error in _LATER:
            failure = Failure.TRANSIENT
        raise SendFailed(failure, f"Slack refused it ({error}).", code=error)


def _plain(text: str) -> str:
    """Text in which nothing is a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
