package ushield

import ushield.ffi.Account as FfiAccount
import ushield.ffi.Ending as FfiEnding
import ushield.ffi.InReach as FfiInReach
import ushield.ffi.Token as FfiToken
import ushield.ffi.Whose as FfiWhose

/** A paired token. */
public data class Token(
    /** Its id. */
    public val id: TokenId,
    /** Its name. */
    public val name: String,
    /** The brand, by its maker's certificate. */
    public val brand: String,
    /** The model, by its maker's certificate. */
    public val model: String,
) {
    /** Names are not for logs. */
    override fun toString(): String = "Token($id)"
}

/** A token in reach. */
public data class InReach(
    /** How. */
    public val medium: Medium,
    /** Where: the device's address, the reader's name. */
    public val place: String,
    /** Strength of its signal, dBm. */
    public val signal: Int?,
    /** Whose it is. */
    public val whose: Whose,
) {
    /** A place may be a name. */
    override fun toString(): String = "InReach($medium, $whose)"
}

/** Whose a token is, as far as this phone can tell. */
public sealed interface Whose {
    /** This phone's. */
    public data class Ours(
        public val token: Token,
    ) : Whose

    /** Anybody's: its pairing mode is open. */
    public data object PairingMode : Whose

    /** Nobody's yet. */
    public data object Unpaired : Whose

    /** It does not know this phone. */
    public data object Others : Whose

    /** It serves another phone just now, and says nothing. */
    public data object Busy : Whose
}

/** What a token says of itself. */
public data class TokenState(
    /** Its id. */
    public val id: TokenId,
    /** Its name. */
    public val name: String,
    /** BIC of the bank whose root is installed. */
    public val bank: String,
    /** Firmware: major in the upper byte, minor in the lower. */
    public val firmware: Int,
    /** Whether the PIN is still the initial one: it allows nothing but its change. */
    public val pinInitial: Boolean,
    /** Whether the PIN is locked. */
    public val pinLocked: Boolean,
    /** PIN tries left. */
    public val triesLeft: Int,
    /** Keys that have a certificate. */
    public val certificates: Set<CertificateRole>,
    /** Whether an order is being reviewed on it. */
    public val reviewing: Boolean,
    /** The phones that it knows. */
    public val phones: List<PairedPhone>,
) {
    /** Names are not for logs. */
    override fun toString(): String = "TokenState($id, firmware $firmware, $triesLeft tries left, $certificates, $phones)"
}

/** A phone that a token knows. */
public data class PairedPhone(
    /** Its id. */
    public val id: PhoneId,
    /** Its name. */
    public val name: String,
    /** Whether it is this one. */
    public val isThis: Boolean,
) {
    /** Names are not for logs. */
    override fun toString(): String = "PairedPhone($id, this: $isThis)"
}

/** An account of the customer. */
public data class Account(
    /** Number, without separators. */
    public val number: String,
    /** What is on it. */
    public val balance: Amount,
) {
    /** Accounts are not for logs. */
    override fun toString(): String = "Account"
}

internal fun FfiToken.lift() = Token(TokenId(id), name, brand, model)

internal fun FfiAccount.lift() = Account(number, Amount(balance.toLong(), currency, exponent.toInt()))

internal fun FfiInReach.lift() =
    InReach(
        medium = medium,
        place = place,
        signal = signal?.toInt(),
        whose =
            when (val of = whose) {
                is FfiWhose.Ours -> Whose.Ours(of.token.lift())
                FfiWhose.PairingMode -> Whose.PairingMode
                FfiWhose.Unpaired -> Whose.Unpaired
                FfiWhose.Others -> Whose.Others
                FfiWhose.Busy -> Whose.Busy
            },
    )

internal fun FfiEnding.TokenState.lift() =
    TokenState(
        id = TokenId(state.id),
        name = state.name,
        bank = state.bank,
        firmware = state.firmware.toInt(),
        pinInitial = state.pinInitial,
        pinLocked = state.pinLocked,
        triesLeft = state.triesLeft.toInt(),
        certificates =
            setOfNotNull(
                CertificateRole.PAY.takeIf { state.pay },
                CertificateRole.LOGIN.takeIf { state.login },
            ),
        reviewing = state.reviewing,
        phones = phones.map { PairedPhone(PhoneId(it.id), it.name, it.`this`) },
    )
