"""Values: what goes in and comes out.

Ids are lower-case hex; money is in minor units; times are Unix seconds, dates YYYYMMDD.
What is shown of a value by `repr` may be logged: no name, no account, no amount.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from . import _ffi
from ._checks import members as checked
from ._checks import one_of, text
from ._errors import UShieldError, called, error
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
    """What a phone is given of its bank once, over a way that it trusts.

    Attributes:
        bank_id: BIC.
        name: name for people.
        root: the bank root's public key, compressed, 66 hex digits.
    """

    _shown = ("bank_id",)
    bank_id: str
    name: str
    root: str

    @classmethod
    def read(cls, path: str | Path) -> Trust:
        """The bank's `trust.json`; `bad-input` where it is none."""
        json = text("trust", Path(path).read_text(encoding="utf-8"))
        read = called(lambda: _ffi.read_trust(json))
        return cls(bank_id=read.bank_id, name=read.name, root=read.root)


@dataclass(frozen=True, repr=False, slots=True)
class Config(_Quiet):
    """With what a client is opened.

    Attributes:
        trust: the bank, as it hands itself out.
        makers: certificates of the makers' roots that are trusted, DER.
        customer: the customer's name at the bank.
        phone: the phone's name, as tokens list it.
        language: language of all texts, BCP 47. English for what there is no text in.
        store: the folder in which it remembers, sealed by the key store's key; one client at a time. Without, all is forgotten at the
            end.
    """

    trust: Trust
    makers: Sequence[bytes]
    customer: str
    phone: str
    language: str = "en"
    store: str | Path | None = None


@dataclass(frozen=True, repr=False, slots=True)
class Transfer(_Quiet):
    """A transfer as the customer asks for it.

    Attributes:
        debtor_account: an account of the customer.
        creditor_name: name of the payee, 1 to 140 bytes.
        creditor_account: the payee's account.
        creditor_agent: the payee's bank, 1 to 70 bytes.
        amount: minor units, 1 to 999,999,999,999,999.
        currency: ISO 4217 code.
        account_scheme: how the payee's account is to be read.
        execution_date: YYYYMMDD; nothing: at once.
        remittance_text: for the payee.
        beside: the open order that is like this one and that this one is placed beside. Without it the bank answers with that order.
    """

    debtor_account: str
    creditor_name: str
    creditor_account: str
    creditor_agent: str
    amount: int
    currency: str
    account_scheme: TransferScheme = TransferScheme.DOMESTIC
    execution_date: int | None = None
    remittance_text: str = ""
    beside: str | None = None


@dataclass(frozen=True, repr=False, slots=True)
class Account(_Quiet):
    """An account of the customer.

    Attributes:
        exponent: decimal digits behind the point.
        balance: minor units.
    """

    _shown = ("currency",)
    number: str
    currency: str
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
    """Whose a token is, as far as this phone can tell.

    Attributes:
        PAIRING_MODE: anybody's: its pairing mode is open.
        OTHERS: it does not know this phone.
        BUSY: it serves another phone just now, and says nothing.
    """

    OURS = enum.auto()
    PAIRING_MODE = enum.auto()
    UNPAIRED = enum.auto()
    OTHERS = enum.auto()
    BUSY = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class InReach(_Quiet):
    """A token in reach.

    Attributes:
        place: the device's address, the reader's name.
        signal: strength of its signal, dBm.
        token: which one, where it is ours.
    """

    _shown = ("medium", "whose")
    medium: LinkMedium
    place: str
    signal: int | None
    whose: Whose
    token: Token | None


@dataclass(frozen=True, repr=False, slots=True)
class PairedPhone(_Quiet):
    """A phone that a token knows.

    Attributes:
        this: whether it is this one.
    """

    _shown = ("id", "this")
    id: str
    name: str
    this: bool


@dataclass(frozen=True, repr=False, slots=True)
class TokenState(_Quiet):
    """What a token says of itself.

    Attributes:
        bank: BIC of the bank whose root is installed.
        firmware: major in the upper byte, minor in the lower.
        pin_initial: the PIN is still the initial one: it allows nothing but its change.
        pay: key `pay` has a certificate.
        login: key `login` has one.
        reviewing: an order is being reviewed on it.
        phones: the phones that it knows.
    """

    _shown = ("id", "firmware")
    id: str
    name: str
    bank: str
    firmware: int
    pin_initial: bool
    pin_locked: bool
    tries_left: int
    pay: bool
    login: bool
    reviewing: bool
    phones: Sequence[PairedPhone]


@dataclass(frozen=True, repr=False, slots=True)
class Receipt(_Quiet):
    """The bank's signed receipt, verified.

    Attributes:
        reason: why, if refused.
    """

    _shown = ("order", "outcome")
    order: str
    outcome: OrderOutcome
    ended: int
    reason: Code | None


@dataclass(frozen=True, repr=False, slots=True)
class Report(_Quiet):
    """How a run through an order's life ended.

    Attributes:
        text: for the customer.
        exchanges: with the token, on the connection on which its answer came.
        bytes: of their messages.
    """

    _shown = ("receipt",)
    receipt: Receipt
    text: str
    exchanges: int
    bytes: int


class OrderStatus(enum.Enum):
    """What became of an order, as this phone knows it.

    Attributes:
        REQUESTED: asked for; the bank's order is not here yet.
        OPEN: here; not decided on the token.
        DECIDED: decided on the token; on its way to the bank.
        UNKNOWN: the answer may have reached the bank and no receipt is here. Not a failure.
        ENDED: ended, by the bank's signed receipt.
        NOT_CREATED: the bank refused to make it; there is no order.
    """

    REQUESTED = enum.auto()
    OPEN = enum.auto()
    DECIDED = enum.auto()
    UNKNOWN = enum.auto()
    ENDED = enum.auto()
    NOT_CREATED = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class TransferContent(_Quiet):
    """What a transfer order says.

    Attributes:
        amount: minor units.
        exponent: decimal digits behind the point.
        charges: minor units, where the bank asks for any.
        name_check: whether the bank found the payee's name to be the account's.
    """

    debtor_account: str
    creditor_name: str
    creditor_account: str
    account_scheme: TransferScheme
    creditor_agent: str
    amount: int
    currency: str
    exponent: int
    charges: int | None
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
    """An order in the customer's history.

    Attributes:
        request: the id of the request, for `cancel_request`.
        order: the order's id, once there is one.
        asked: when it was asked for; zero where the record cannot be read.
        token: the token that it is for, where that is known.
        certificate_due: the bank has issued a certificate for it that the token is not known to have stored: `resume` has it stored.
        outcome: how it ended, where it has.
        code: why the bank did not make it, where it has not.
        text: the status, for the customer.
        cancelled: the customer cancelled it.
        content: what it says, by the bank's signature.
        problem: why something is missing here although the store holds it.
    """

    _shown = ("order", "status", "outcome")
    request: str
    order: str | None
    asked: int
    token: str | None
    status: OrderStatus
    certificate_due: bool
    outcome: OrderOutcome | None
    code: Code | None
    text: str
    cancelled: bool
    content: TransferContent | CertificateContent | None
    receipt: Receipt | None
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
    """What happens in an operation.

    Attributes:
        OTHER: one that this package does not know yet; its text says what it is.
    """

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
    OTHER = enum.auto()


class PinReason(enum.Enum):
    """Why a PIN is asked for.

    Attributes:
        WRONG_BEFORE: the last one was wrong.
        SECOND_PHONE: to pair a further phone with the token.
        CURRENT: the PIN as it is, to change it.
        NEW: the PIN as it shall be.
    """

    APPROVE = enum.auto()
    WRONG_BEFORE = enum.auto()
    SECOND_PHONE = enum.auto()
    CURRENT = enum.auto()
    NEW = enum.auto()


@dataclass(frozen=True, repr=False, slots=True)
class Event(_Quiet):
    """A moment, and what belongs to it.

    Attributes:
        pages: with REVIEW_ON_TOKEN: how many.
        screen: with PRESS_OK_ON_TOKEN: for what.
        attempt: with RECONNECTING: which.
        found: with SEVERAL_TOKENS: how many.
        name: with WRONG_TOKEN: its name, where this phone has paired it too.
        tries_left: with PIN_WRONG.
        outcome: with SETTLED: how the order ended.
    """

    _shown = ("moment",)
    moment: Moment
    order: str | None = None
    pages: int | None = None
    screen: TokenScreen | None = None
    attempt: int | None = None
    found: int | None = None
    name: str | None = None
    tries_left: int | None = None
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


def lower_transfer(value: Transfer) -> _ffi.Transfer:
    """A value of this package as a generated one."""
    return _ffi.Transfer(**checked(one_of("transfer", value, Transfer)))


def lower_config(value: Config) -> _ffi.Config:
    """A value of this package as a generated one."""
    members = checked(one_of("config", value, Config))
    place = value.store
    store = _ffi.StorePlace.MEMORY() if place is None else _ffi.StorePlace.FOLDER(text("Config.store", str(place)))
    trust = _ffi.Trust(**checked(value.trust))
    return _ffi.Config(**members | {"store": store, "trust": trust, "makers": list(value.makers)})
