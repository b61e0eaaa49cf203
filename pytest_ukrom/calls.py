"""Calls of the API on behalf of one account, and how a refusal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from pytest_ukrom.errors import Refused
from ukrom.errors import UkromError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud import Account
    from ukrom.emulator import Emulator

__all__ = ["Calls"]


class Calls:
    """A client of the API that needs no socket.

    Args:
        emulator: A started emulator.
        account: In whose name it calls.
    """

    def __init__(self, emulator: Emulator, account: Account) -> None:
        self._account = account
        self._api = httpx.Client(
            transport=emulator.api_transport(),
            base_url=f"https://api.{emulator.settings.metro}.unikraft.cloud/v1/",
            headers={"authorization": f"Bearer {account.token}"},
            timeout=None,  # noqa: S113 - the platform ends every wait
        )

    def call(
        self, method: str, path: str, *, json: Any = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Call an operation; gives the first item of its answer.

        Raises:
            Refused: The platform refuses the call or the item.
            UkromError: The fixture has ended.
        """
        self.check_open()
        answer = self._api.request(method, path.lstrip("/"), json=json, params=query)
        envelope = answer.json()
        data = envelope.get("data") or {}
        items = [item for found in data.values() if isinstance(found, list) for item in found]
        failed = [item for item in items if item.get("status") == "error"]
        if answer.is_success and envelope["status"] == "success" and not failed:
            return dict(items[0]) if items else {}
        words = [item["message"] for item in failed if item.get("message")]
        words += [error["message"] for error in envelope.get("errors") or () if error.get("message")]
        message = "; ".join(words) or envelope.get("message") or f"HTTP status {answer.status_code}"
        code = failed[0].get("error") if failed else None
        raise Refused(message, code=code, status=answer.status_code)

    def check_open(self) -> None:
        """Refuse what comes too late.

        Raises:
            UkromError: The fixture has ended.
        """
        if self._api.is_closed:
            raise UkromError(
                f"The fixture of the account {self._account.user!r} has ended, and its instances with it.",
                remedy="For instances that outlive a test, use the fixture `ukrom_session`.",
            )

    def close(self) -> None:
        """Call no more."""
        self._api.close()
