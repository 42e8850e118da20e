package ushield

import ushield.ffi.Event as FfiEvent
import ushield.ffi.PinReason as FfiPinReason

/** A moment of an operation, and what the customer should do in it. */
public sealed interface Event {
    /** Hold the token near, or switch it on. */
    public data object Connecting : Event

    /** The token is there. */
    public data object Connected : Event

    /** The connection broke; it is made again, for the [attempt]th time. */
    public data class Reconnecting(
        public val attempt: Int,
    ) : Event

    /** Switch Bluetooth or NFC on. */
    public data object RadioOff : Event

    /** Allow this app to use it. */
    public data object RadioForbidden : Event

    /** Plug a card reader in. */
    public data object NoReader : Event

    /** [found] tokens come into question: keep the others away. */
    public data class SeveralTokens(
        public val found: Int,
    ) : Event

    /** This is another token, or it has forgotten this phone. Its [name], where this phone has paired it too. */
    public data class WrongToken(
        public val name: String?,
    ) : Event {
        /** Names are not for logs. */
        override fun toString(): String = "WrongToken"
    }

    /** The token left the field: hold it there again. */
    public data object TagLost : Event

    /** The bank issues the order. */
    public data object CreatingOrder : Event

    /** An order that was begun before is gone on with. */
    public data class Resuming(
        public val order: OrderId,
    ) : Event

    /** The bank had the same transfer open already and answered with it. */
    public data class OpenOrderFound(
        public val order: OrderId,
    ) : Event

    /** Press OK on the token, which shows [screen]. */
    public data class PressOkOnToken(
        public val screen: TokenScreen,
    ) : Event

    /** Read the token's screen, all [pages], and press OK or C there. */
    public data class ReviewOnToken(
        public val order: OrderId,
        public val pages: Int,
    ) : Event

    /** The token waits for the PIN. */
    public data object PinNeeded : Event

    /** The PIN was wrong. */
    public data class PinWrong(
        public val triesLeft: Int,
    ) : Event

    /** The next wrong PIN locks the token. */
    public data object LastTry : Event

    /** The customer approved on the token. */
    public data object Approved : Event

    /** The customer rejected on the token. */
    public data object Rejected : Event

    /** The answer is on its way to the bank. */
    public data object Submitting : Event

    /** The answer may have reached the bank; until its receipt comes nobody knows. Not a failure. */
    public data class Unknown(
        public val order: OrderId,
    ) : Event

    /** The order is being taken back. */
    public data object Cancelling : Event

    /** The bank's signed receipt is here. */
    public data class Settled(
        public val order: OrderId,
        public val outcome: OrderOutcome,
    ) : Event

    /** The certificate is being stored on the token. */
    public data object StoringCertificate : Event

    /** One that this library does not know yet; its text says what it is. */
    public data object Other : Event
}

/** Why a PIN is asked for. */
public sealed interface PinReason {
    /** To approve an order. */
    public data object Approve : PinReason

    /** The last one was wrong. */
    public data class WrongBefore(
        public val triesLeft: Int,
    ) : PinReason

    /** To pair a further phone with the token. */
    public data object SecondPhone : PinReason

    /** The PIN as it is, to change it. */
    public data object Current : PinReason

    /** The PIN as it shall be. */
    public data object New : PinReason
}

internal fun FfiPinReason.lift(): PinReason =
    when (this) {
        FfiPinReason.Approve -> PinReason.Approve
        is FfiPinReason.WrongBefore -> PinReason.WrongBefore(triesLeft.toInt())
        FfiPinReason.SecondPhone -> PinReason.SecondPhone
        FfiPinReason.Current -> PinReason.Current
        FfiPinReason.New -> PinReason.New
    }

@Suppress("CyclomaticComplexMethod") // One line each.
internal fun FfiEvent.lift(): Event =
    when (this) {
        FfiEvent.Connecting -> Event.Connecting
        FfiEvent.Connected -> Event.Connected
        is FfiEvent.Reconnecting -> Event.Reconnecting(attempt.toInt())
        FfiEvent.RadioOff -> Event.RadioOff
        FfiEvent.RadioForbidden -> Event.RadioForbidden
        FfiEvent.NoReader -> Event.NoReader
        is FfiEvent.SeveralTokens -> Event.SeveralTokens(found.toInt())
        is FfiEvent.WrongToken -> Event.WrongToken(name)
        FfiEvent.TagLost -> Event.TagLost
        FfiEvent.CreatingOrder -> Event.CreatingOrder
        is FfiEvent.Resuming -> Event.Resuming(OrderId(order))
        is FfiEvent.OpenOrderFound -> Event.OpenOrderFound(OrderId(order))
        is FfiEvent.PressOkOnToken -> Event.PressOkOnToken(screen)
        is FfiEvent.ReviewOnToken -> Event.ReviewOnToken(OrderId(order), pages.toInt())
        FfiEvent.PinNeeded -> Event.PinNeeded
        is FfiEvent.PinWrong -> Event.PinWrong(triesLeft.toInt())
        FfiEvent.LastTry -> Event.LastTry
        FfiEvent.Approved -> Event.Approved
        FfiEvent.Rejected -> Event.Rejected
        FfiEvent.Submitting -> Event.Submitting
        is FfiEvent.Unknown -> Event.Unknown(OrderId(order))
        FfiEvent.Cancelling -> Event.Cancelling
        is FfiEvent.Settled -> Event.Settled(OrderId(order), outcome)
        FfiEvent.StoringCertificate -> Event.StoringCertificate
        FfiEvent.Other -> Event.Other
    }
