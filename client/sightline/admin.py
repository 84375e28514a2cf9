"""Keys and webhooks, which need a key with the scope `admin`."""

from collections.abc import Sequence
from typing import cast

from sightline.nouns import Noun, given, path_of
from sightline.types import Json, Key, Webhook


class Admin(Noun):
    """The methods about keys and webhooks."""

    def keys(self) -> list[Key]:
        """All keys, the revoked ones too, without their secrets."""
        return list(self._http.pages(path_of("keys")))

    def make_key(
        self, scopes: Sequence[str], label: str | None = None, expires_in_days: int | None = None
    ) -> Key:
        """Make a key; its `key` is shown this once. Scopes: `read`, `write`, `answer`, `admin`."""
        body = {"scopes": list(scopes)} | given(label=label, expires_in_days=expires_in_days)
        return cast(Key, self._http.call("POST", path_of("keys"), json=body))

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key: the next request with it is refused."""
        self._http.call("DELETE", path_of("keys", key_id))

    def webhooks(self) -> list[Webhook]:
        """All webhooks, without their secrets."""
        return list(self._http.pages(path_of("webhooks")))

    def add_webhook(
        self,
        url: str,
        *,
        events: Sequence[str] = (),
        kinds: Sequence[str] = (),
        description: str | None = None,
    ) -> Webhook:
        """Have an address told when jobs end; its `secret` is shown this once. None means all."""
        body = given(events=list(events) or None, kinds=list(kinds) or None,
                     description=description)  # fmt: skip
        return cast(Webhook, self._http.call("POST", path_of("webhooks"), json={"url": url} | body))

    def webhook(self, webhook_id: str) -> Webhook:
        """A webhook, and whether it is disabled. Raises NotFound."""
        return cast(Webhook, self._http.call("GET", path_of("webhooks", webhook_id)))

    def delete_webhook(self, webhook_id: str) -> None:
        """Forget a webhook. Raises NotFound."""
        self._http.call("DELETE", path_of("webhooks", webhook_id))

    def rotate_webhook(self, webhook_id: str) -> Webhook:
        """Make a new secret; for a day messages are signed by the former one too."""
        path = path_of("webhooks", webhook_id) + "/rotate"
        return cast(Webhook, self._http.call("POST", path))

    def test_webhook(self, webhook_id: str) -> Json:
        """Send a trial message; returns its delivery."""
        return self._http.call("POST", path_of("webhooks", webhook_id) + "/test")

    def deliveries(self, webhook_id: str) -> list[Json]:
        """A webhook's messages of the last seven days, newest first."""
        return list(self._http.pages(path_of("webhooks", webhook_id) + "/deliveries"))

    def replay_delivery(self, webhook_id: str, delivery_id: str) -> Json:
        """Send a message again under its id; returns the delivery."""
        path = path_of("webhooks", webhook_id, "deliveries", delivery_id) + "/replay"
        return self._http.call("POST", path)
