package ushield

import java.math.BigDecimal
import ushield.ffi.CertificateRole as FfiCertificateRole
import ushield.ffi.Code as FfiCode
import ushield.ffi.Doubt as FfiDoubt
import ushield.ffi.Fault as FfiFault
import ushield.ffi.HttpMethod as FfiHttpMethod
import ushield.ffi.LinkMedium as FfiLinkMedium
import ushield.ffi.NameCheck as FfiNameCheck
import ushield.ffi.OrderOutcome as FfiOrderOutcome
import ushield.ffi.TokenScreen as FfiTokenScreen
import ushield.ffi.TransferScheme as FfiTransferScheme
import ushield.ffi.WantedFit as FfiWantedFit

/** A code of the catalogue: docs/protocol.md, section 14. */
public typealias Code = FfiCode

/** Who can change what went wrong. */
public typealias Fault = FfiFault

/** What the token may have done although its word for it was lost. */
public typealias Doubt = FfiDoubt

/** Role of a token's key: approves money, or logins. */
public typealias CertificateRole = FfiCertificateRole

/** How an order ended. */
public typealias OrderOutcome = FfiOrderOutcome

/** Result of the bank's check of the payee's name. */
public typealias NameCheck = FfiNameCheck

/** How an account number is to be read. */
public typealias AccountScheme = FfiTransferScheme

/** A screen of the token other than an order's pages. */
public typealias TokenScreen = FfiTokenScreen

/** What carries bytes to a token. */
public typealias Medium = FfiLinkMedium

/** Methods that the bank's interface uses. */
public typealias HttpMethod = FfiHttpMethod

/** Whether an advertisement is by the token that is wanted. */
public typealias Fit = FfiWantedFit

/** The bank's id of an order: a UUID in lower case. */
@JvmInline
public value class OrderId(
    public val uuid: String,
) {
    init {
        uuid.whole("order")
    }
}

/** This phone's id of a request for an order: lower-case hex. */
@JvmInline
public value class RequestId(
    public val hex: String,
) {
    init {
        hex.whole("request")
    }
}

/** A token's id: lower-case hex. */
@JvmInline
public value class TokenId(
    public val hex: String,
) {
    init {
        hex.whole("token")
    }
}

/** A phone's id, as tokens know it: lower-case hex. */
@JvmInline
public value class PhoneId(
    public val hex: String,
) {
    init {
        hex.whole("phone")
    }
}

/** Money: [minor] units of [currency] (ISO 4217), which has [exponent] digits behind the point. */
public data class Amount(
    public val minor: Long,
    public val currency: String,
    public val exponent: Int,
) {
    /** The same in major units, exactly. */
    public fun toBigDecimal(): BigDecimal = BigDecimal.valueOf(minor, exponent)
}
