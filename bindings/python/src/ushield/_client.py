"""The client: what is known, what the bank says, and what takes a person's time."""

from __future__ import annotations

import asyncio
import atexit
import gc
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from . import _ffi
from ._adapters import BankPort, ClockPort, KeystorePort, RadioPort
from ._bridge import is_held
from ._checks import flag, one_of, several, text
from ._errors import UShieldError, answered, called, error
from ._ffi import CertificateRole
from ._operation import Operation, Secret, spent
from ._ports import BankHttp, Clock, Keystore, Radio
from ._types import (
    Account,
    Adopted,
    Config,
    HistoryEntry,
    InReach,
    Report,
    Resumed,
    Token,
    TokenState,
    Transfer,
    lift,
    lower_config,
    lower_transfer,
)

R = TypeVar("R")


_open: weakref.WeakSet[UShield] = weakref.WeakSet()
#: There was one, open or not.
_used: list[bool] = []


#: Seconds.
_WAY_OUT = 0.2


def _at_exit() -> None:
    """Whatever is still open is closed while there is an interpreter: the core's threads must find none that is being taken down."""

    async def close_all() -> None:
        await asyncio.gather(*(phone.close() for phone in list(_open)), return_exceptions=True)

    if not _used:
        return
    if _open:
        asyncio.run(close_all())
    gc.collect()
    until = time.monotonic() + 5
    while is_held() and time.monotonic() < until:
        time.sleep(0.01)
    # Whoever has just given back the last of it is still on the way out of the interpreter.
    time.sleep(_WAY_OUT)


atexit.register(_at_exit)


class UShield:
    """A phone that drives tokens for one customer of one bank.

    Everything that it promised is durable before it returns; the process may be killed at any moment, and a new one goes on. Use it on one
    event loop. A token is named by its id; without, the only one is meant. All raise `UShieldError`; `ValueError`, which
    names the argument, for what no such interface takes: half a character, a negative amount, another type; `RuntimeError` once it is
    closed, and for a defect of the core.
    """

    def __init__(self, inner: _ffi.UShield, notice: UShieldError | None) -> None:
        """By `open` alone."""
        self._held: list[_ffi.UShield] = [inner]
        #: What the customer should be told about the store that was opened: one that was not whole was set aside.
        self.notice = notice
        _open.add(self)

    @classmethod
    async def open(cls, config: Config, bank: BankHttp, keystore: Keystore, clock: Clock | None = None) -> Self:
        """Opens the client's store, or makes it. Without a clock the system's is taken."""
        loop = asyncio.get_running_loop()
        _used[:] = [True]
        time = None if clock is None else ClockPort(clock)
        inner = called(lambda: _ffi.UShield(lower_config(config), BankPort(bank, loop), KeystorePort(keystore, loop), time))
        try:
            notice = await answered(inner.open)
        except BaseException:
            # Also when it is given up at the moment of success: the folder is free again.
            await asyncio.shield(inner.shut_down())
            raise
        return cls(inner, None if notice is None else error(notice))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends what still runs, with `interrupted`, and returns when the store is closed and its folder free."""
        if self._held:
            await asyncio.shield(self._held.pop().shut_down())

    @property
    def _inner(self) -> _ffi.UShield:
        if not self._held:
            raise RuntimeError("the client is closed")
        return self._held[0]

    async def sign_in(self, password: Secret) -> None:
        """Signs the customer in, UTF-8; the session is kept until it ends. A `bytearray` is wiped."""
        with spent(password) as given:
            await answered(lambda: self._inner.sign_in(given))

    async def is_signed_in(self) -> bool:
        """Whether a session is there that has not ended by this phone's clock. The bank decides."""
        return await answered(lambda: self._inner.is_signed_in())

    async def accounts(self) -> list[Account]:
        """The customer's accounts."""
        return _known(await answered(lambda: self._inner.accounts()))

    async def tokens(self) -> list[Token]:
        """The paired tokens."""
        return _known(await answered(lambda: self._inner.tokens()))

    async def in_reach(self, radios: Iterable[Radio]) -> list[InReach]:
        """Looks around for some seconds: what is in reach, and whose it is."""
        return _known(await answered(lambda: self._inner.in_reach(_radios(radios))))

    async def history(self) -> list[HistoryEntry]:
        """All orders that this phone knows, newest first. Needs neither bank nor token."""
        return _known(await answered(lambda: self._inner.history()))

    async def preview(self, order: str) -> list[str]:
        """The pages that the token will show for an order: six lines each."""
        return await answered(lambda: self._inner.preview(text("order", order)))

    async def certificate(self, role: CertificateRole, token: str | None = None) -> list[bytes] | None:
        """A certificate that this phone keeps: DER, own certificate first."""
        return await answered(lambda: self._inner.certificate(_token(token), _role(role)))

    async def adopt(self) -> Adopted:
        """Takes over orders that are open at the bank and not known here, as after a store was set aside."""
        adopted: Adopted = lift(await answered(lambda: self._inner.adopt()))
        return adopted

    async def forget_here(self, token: str | None = None) -> None:
        """Forgets a token on this phone alone, for one that is lost or was reset."""
        await answered(lambda: self._inner.forget_here(_token(token)))

    def pair(self, radios: Iterable[Radio], *, mode_opened_again: bool = False) -> Operation[Token]:
        """Pairs with the token whose pairing mode is open, by digits on both screens.

        `mode_opened_again` is the customer's word that they opened it anew after three tries were spent.
        """
        return self._begun(
            lambda: self._inner.pair(_radios(radios), flag("mode_opened_again", mode_opened_again)), lambda ending: lift(ending.token)
        )

    def pair_by_code(self, radios: Iterable[Radio], code: Secret, *, mode_opened_again: bool = False) -> Operation[Token]:
        """Pairs by the text of the QR code on the token's screen, ASCII, which holds a secret of one use. A `bytearray` is wiped."""
        with spent(code) as given:
            return self._begun(
                lambda: self._inner.pair_by_code(_radios(radios), given, flag("mode_opened_again", mode_opened_again)),
                lambda ending: lift(ending.token),
            )

    def change_pin(self, radios: Iterable[Radio], token: str | None = None) -> Operation[None]:
        """Changes the PIN."""
        return self._begun(lambda: self._inner.change_pin(_radios(radios), _token(token)), lambda ending: None)

    def forget_phone(self, radios: Iterable[Radio], token: str | None = None, phone: str | None = None) -> Operation[None]:
        """Has the token forget a phone, this one by default."""
        return self._begun(
            lambda: self._inner.forget_phone(_radios(radios), _token(token), text("phone", phone, optional=True)), lambda ending: None
        )

    def token_state(self, radios: Iterable[Radio], token: str | None = None) -> Operation[TokenState]:
        """What the token says of itself, and the phones that it knows."""
        return self._begun(
            lambda: self._inner.token_state(_radios(radios), _token(token)),
            lambda ending: TokenState(**vars(ending.state), phones=lift(ending.phones)),
        )

    def certificate_on_token(self, radios: Iterable[Radio], role: CertificateRole, token: str | None = None) -> Operation[list[bytes]]:
        """The certificate that the token itself has stored: DER, own certificate first."""
        return self._begun(
            lambda: self._inner.certificate_on_token(_radios(radios), _token(token), _role(role)), lambda ending: list(ending.chain)
        )

    def download_certificate(
        self, radios: Iterable[Radio], role: CertificateRole = CertificateRole.PAY, token: str | None = None
    ) -> Operation[Report | None]:
        """Orders a first certificate, has it approved on the token, and stores it there and here. A report where an order was needed."""
        return self._begun(
            lambda: self._inner.download_certificate(_radios(radios), _token(token), _role(role)), lambda ending: lift(ending.report)
        )

    def order_transfer(self, transfer: Transfer, token: str | None = None) -> Operation[str]:
        """Asks the bank for a transfer order; its id. Show its `preview`, then `run_order`."""
        return self._begun(lambda: self._inner.order_transfer(_token(token), lower_transfer(transfer)), lambda ending: str(ending.order))

    def run_order(self, radios: Iterable[Radio], order: str) -> Operation[Report]:
        """Has an order approved on its token and returns the answer to the bank."""
        return self._begun(lambda: self._inner.run_order(_radios(radios), text("order", order)), lambda ending: lift(ending.report))

    def resume(self, radios: Iterable[Radio]) -> Operation[list[Resumed]]:
        """Goes on with every order that is not over, after a process has died or a link was lost."""
        return self._begun(lambda: self._inner.resume(_radios(radios)), lambda ending: lift(ending.orders))

    def cancel_order(self, radios: Iterable[Radio], order: str) -> Operation[Report]:
        """Takes an order back, here, at the token and at the bank; the receipt says how it really ended."""
        return self._begun(lambda: self._inner.cancel_order(_radios(radios), text("order", order)), lambda ending: lift(ending.report))

    def cancel_request(self, radios: Iterable[Radio], request: str) -> Operation[Report | None]:
        """Takes a request back whose order is not here yet. A report where the bank had made an order."""
        return self._begun(
            lambda: self._inner.cancel_request(_radios(radios), text("request", request)), lambda ending: lift(ending.report)
        )

    def _begun(self, begin: Callable[[], _ffi.Operation], result: Callable[[Any], R]) -> Operation[R]:
        return Operation(called(begin), result)


def _radios(radios: Iterable[Radio]) -> list[_ffi.Radio]:
    loop = asyncio.get_running_loop()
    several("radios", radios)
    return [RadioPort(radio, loop) for radio in radios]


def _token(token: Any) -> Any:
    return text("token", token, optional=True)


def _role(role: Any) -> Any:
    return one_of("role", role, CertificateRole)


def _known(values: list[Any]) -> list[Any]:
    return [lift(value) for value in values]
