"""Values: what goes in and comes out.

Ids are lower-case hex; money is in minor units; times are Unix seconds, dates YYYYMMDD.
What is shown of a value by `repr` may be logged: no name, no account, no amount.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from . import _ffi
from ._errors import UShieldError, error
from ._ffi import CertificateRole, Code, LinkMedium, NameCheck, OrderOutcome, TokenScreen, TransferScheme


class _Quiet:
    """Shows its type, and of its fields those that `_shown` names."""

    __slots__ = ()
    _shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True, repr=False, slots=True)
class Trust(_Quiet):
    """What a phone is given of its bank once, over a way that it trusts."""

    _shown = ("bank_id",)
    #: BIC.
    bank_id: str
    #: Name for people.
    name: str
    #: The bank root's public key, compressed, 66 hex digits.
    root: str

    @classmethod
    def read(cls, path: str | Path) -> Trust:
        """The bank's `trust.json`."""
        members = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(bank_id=members["bank_id"], name=members["name"], root=members["root"])


@dataclass(frozen=True, repr=False, slots=True)
class Config(_Quiet):
    """With what a client is opened."""

    #: The bank, as it hands itself out.
    trust: Trust
    #: Certificates of the makers' roots that are trusted, DER.
    makers: Sequence[bytes]
    #: The customer's name at the bank.
    customer: str
    #: The phone's name, as tokens list it.
    phone: str
    #: Language of all texts, BCP 47. English for what there is no text in.
    language: str = "en"
    #: The folder in which it remembers, sealed by the key store's key; one client at a time.
    #: Without, all is forgotten at the end.
    store: str | Path | None = None


@dataclass(frozen=True, repr=False, slots=True)
class Transfer(_Quiet):
    """A transfer as the customer asks for it."""

    #: An account of the customer.
    debtor_account: str
    #: Name of the payee, 1 to 140 bytes.
    creditor_name: str
    #: The payee's account.
    creditor_account: str
    #: The payee's bank, 1 to 70 bytes.
    creditor_agent: str
    #: Minor units, 1 to 999,999,999,999,999.
    amount: int
    #: ISO 4217 code.
    currency: str
    #: How the payee's account is to be read.
    account_scheme: TransferScheme = TransferScheme.DOMESTIC
    #: YYYYMMDD; nothing: at once.
    execution_date: int | None = None
    #: For the payee.
    remittance_text: str = ""
    #: The open order that is like this one and that this one is placed beside.
    #: Without it the bank answers with that order.
    beside: str | None = None


@dataclass(frozen=True, repr=False, slots=True)
class Account(_Quiet):
    """An account of the customer."""

    _shown = ("currency",)
    number: str
    currency: str
    #: Decimal digits behind the point.
    exponent: int
    balance: int


@dataclass(frozen=True, repr=False, slots=True)
class Token(_Quiet):
    """A paired token. Brand and model are by its maker's certificate."""

    _shown = ("id",)
    id: str
    name: str
    brand: str
    model: str


class Whose(enum.Enum):
    """Whose a token is, as far as this phone can tell."""

    OURS = enum.auto()
    #: Anybody's: its pairing mode is open.
    PAIRING_MODE = enum.auto()
    UNPAIRED = enum.auto()
    #: It does not know this phone.
    OTHERS = enum.auto()
    #: It serves another phone just now, and says nothing.
    BUSY = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class InReach(_Quiet):
    """A token in reach."""

    _shown = ("medium", "whose")
    medium: LinkMedium
    #: The device's address, the reader's name.
    place: str
    #: Strength of its signal, dBm.
    signal: int | None
    whose: Whose
    #: Which one, where it is ours.
    token: Token | None


@dataclass(frozen=True, repr=False, slots=True)
class PairedPhone(_Quiet):
    """A phone that a token knows."""

    _shown = ("id", "this")
    id: str
    name: str
    #: Whether it is this one.
    this: bool


@dataclass(frozen=True, repr=False, slots=True)
class TokenState(_Quiet):
    """What a token says of itself."""

    _shown = ("id", "firmware")
    id: str
    name: str
    #: BIC of the bank whose root is installed.
    bank: str
    #: Major in the upper byte, minor in the lower.
    firmware: int
    #: The PIN is still the initial one: it allows nothing but its change.
    pin_initial: bool
    pin_locked: bool
    tries_left: int
    #: Key `pay`, key `login` has a certificate.
    pay: bool
    login: bool
    #: An order is being reviewed on it.
    reviewing: bool
    #: The phones that it knows.
    phones: Sequence[PairedPhone]


@dataclass(frozen=True, repr=False, slots=True)
class Receipt(_Quiet):
    """The bank's signed receipt, verified."""

    _shown = ("order", "outcome")
    order: str
    outcome: OrderOutcome
    ended: int
    #: Why, if refused.
    reason: Code | None


@dataclass(frozen=True, repr=False, slots=True)
class Report(_Quiet):
    """How a run through an order's life ended."""

    _shown = ("receipt",)
    receipt: Receipt
    #: For the customer.
    text: str
    #: Exchanges with the token on the connection on which its answer came, and bytes of their messages.
    exchanges: int
    bytes: int


class OrderStatus(enum.Enum):
    """What became of an order, as this phone knows it."""

    #: Asked for; the bank's order is not here yet.
    REQUESTED = enum.auto()
    #: Here; not decided on the token.
    OPEN = enum.auto()
    #: Decided on the token; on its way to the bank.
    DECIDED = enum.auto()
    #: The answer may have reached the bank and no receipt is here. Not a failure.
    UNKNOWN = enum.auto()
    #: Ended, by the bank's signed receipt.
    ENDED = enum.auto()
    #: The bank refused to make it; there is no order.
    NOT_CREATED = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class TransferContent(_Quiet):
    """What a transfer order says."""

    debtor_account: str
    creditor_name: str
    creditor_account: str
    account_scheme: TransferScheme
    creditor_agent: str
    amount: int
    currency: str
    exponent: int
    charges: int | None
    #: Whether the bank found the payee's name to be the account's.
    name_check: NameCheck
    execution_date: int | None
    remittance_text: str
    expires: int


@dataclass(frozen=True, repr=False, slots=True)
class CertificateContent(_Quiet):
    """What the order of a first certificate says."""

    _shown = ("role",)
    role: CertificateRole
    expires: int


@dataclass(frozen=True, repr=False, slots=True)
class HistoryEntry(_Quiet):
    """An order in the customer's history."""

    _shown = ("order", "status", "outcome")
    #: The id of the request, for `cancel_request`.
    request: str
    #: The order's id, once there is one.
    order: str | None
    #: When it was asked for; zero where the record cannot be read.
    asked: int
    #: The token that it is for, where that is known.
    token: str | None
    status: OrderStatus
    #: The bank has issued a certificate for it that the token is not known to have stored: `resume` has it stored.
    certificate_due: bool
    #: How it ended, where it has.
    outcome: OrderOutcome | None
    #: Why the bank did not make it, where it has not.
    code: Code | None
    #: The status, for the customer.
    text: str
    #: The customer cancelled it.
    cancelled: bool
    #: What it says, by the bank's signature.
    content: TransferContent | CertificateContent | None
    receipt: Receipt | None
    #: Why something is missing here although the store holds it.
    problem: UShieldError | None


@dataclass(frozen=True, repr=False, slots=True)
class RefusedOrder(_Quiet):
    """An order that was left at the bank."""

    _shown = ("order", "problem")
    order: str
    problem: UShieldError


@dataclass(frozen=True, repr=False, slots=True)
class Adopted(_Quiet):
    """What became of the orders that are open at the bank."""

    _shown = ("orders", "refused")
    orders: Sequence[str]
    refused: Sequence[RefusedOrder]


@dataclass(frozen=True, repr=False, slots=True)
class Resumed(_Quiet):
    """What became of an order that was gone on with: a report or a problem."""

    _shown = ("order", "report", "problem")
    order: str | None
    report: Report | None
    problem: UShieldError | None


class Moment(enum.Enum):
    """What happens in an operation."""

    CONNECTING = enum.auto()
    CONNECTED = enum.auto()
    RECONNECTING = enum.auto()
    RADIO_OFF = enum.auto()
    RADIO_FORBIDDEN = enum.auto()
    NO_READER = enum.auto()
    SEVERAL_TOKENS = enum.auto()
    WRONG_TOKEN = enum.auto()
    TAG_LOST = enum.auto()
    CREATING_ORDER = enum.auto()
    RESUMING = enum.auto()
    OPEN_ORDER_FOUND = enum.auto()
    PRESS_OK_ON_TOKEN = enum.auto()
    REVIEW_ON_TOKEN = enum.auto()
    PIN_NEEDED = enum.auto()
    PIN_WRONG = enum.auto()
    LAST_TRY = enum.auto()
    APPROVED = enum.auto()
    REJECTED = enum.auto()
    SUBMITTING = enum.auto()
    UNKNOWN = enum.auto()
    CANCELLING = enum.auto()
    SETTLED = enum.auto()
    STORING_CERTIFICATE = enum.auto()
    #: One that this package does not know yet; its text says what it is.
    OTHER = enum.auto()


class PinReason(enum.Enum):
    """Why a PIN is asked for."""

    APPROVE = enum.auto()
    #: The last one was wrong.
    WRONG_BEFORE = enum.auto()
    #: To pair a further phone with the token.
    SECOND_PHONE = enum.auto()
    #: The PIN as it is, to change it.
    CURRENT = enum.auto()
    #: The PIN as it shall be.
    NEW = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class Event(_Quiet):
    """A moment, and what belongs to it."""

    _shown = ("moment",)
    moment: Moment
    order: str | None = None
    #: With REVIEW_ON_TOKEN: how many.
    pages: int | None = None
    #: With PRESS_OK_ON_TOKEN: for what.
    screen: TokenScreen | None = None
    #: With RECONNECTING: which.
    attempt: int | None = None
    #: With SEVERAL_TOKENS: how many.
    found: int | None = None
    #: With WRONG_TOKEN: its name, where this phone has paired it too.
    name: str | None = None
    #: With PIN_WRONG.
    tries_left: int | None = None
    #: With SETTLED: how the order ended.
    outcome: OrderOutcome | None = None


_RECORDS: dict[str, type[Any]] = {
    record.__name__: record for record in (Account, Adopted, PairedPhone, Receipt, RefusedOrder, Report, Resumed, Token)
}


def variant(value: object) -> str:
    """Which variant of a generated enum with data it is."""
    return type(value).__name__.rpartition(".")[2]


def _in_reach(value: _ffi.InReach) -> InReach:
    token = lift(getattr(value.whose, "token", None))
    return InReach(value.medium, value.place, value.signal, Whose[variant(value.whose)], token)


def _entry(value: _ffi.HistoryEntry) -> HistoryEntry:
    members = {name: lift(member) for name, member in vars(value).items()}
    status = value.status
    members |= {"status": OrderStatus[variant(status)], "outcome": None, "code": None} | vars(status)
    return HistoryEntry(**members)


_LIFTS: dict[str, Callable[[Any], Any]] = {
    "HistoryEntry": _entry,
    "InReach": _in_reach,
    "OrderContent.CERTIFICATE_DOWNLOAD": lambda value: CertificateContent(**vars(value)),
    "OrderContent.TRANSFER": lambda value: TransferContent(**vars(value)),
    "Problem": error,
}


def lift(value: Any) -> Any:
    """A generated value as one of this package."""
    if isinstance(value, list):
        return [lift(item) for item in value]
    name = type(value).__name__
    if name in _LIFTS:
        return _LIFTS[name](value)
    if name in _RECORDS:
        return _RECORDS[name](**{name: lift(member) for name, member in vars(value).items()})
    return value


def lower(value: Config | Transfer) -> Any:
    """A value of this package as a generated one."""
    members = {field.name: getattr(value, field.name) for field in fields(value)}
    for member in members.values():
        if isinstance(member, str):
            # Half a character is refused before a call begins.
            member.encode()
    if isinstance(value, Transfer):
        return _ffi.Transfer(**members)
    place = value.store
    store = _ffi.StorePlace.MEMORY() if place is None else _ffi.StorePlace.FOLDER(str(place))
    trust = _ffi.Trust(bank_id=value.trust.bank_id, name=value.trust.name, root=value.trust.root)
    return _ffi.Config(**members | {"store": store, "trust": trust, "makers": list(value.makers)})
