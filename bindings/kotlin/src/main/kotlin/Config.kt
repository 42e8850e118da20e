package ushield

import ushield.ffi.readTrust
import java.io.File
import java.time.LocalDate
import ushield.ffi.Config as FfiConfig
import ushield.ffi.StorePlace as FfiStorePlace
import ushield.ffi.Transfer as FfiTransfer
import ushield.ffi.Trust as FfiTrust

/**
 * With what a client is opened. A folder stays one customer's at one bank; names of phone and bank and the makers may be others another
 * time.
 */
public class Config(
    /** Where it remembers. */
    public val store: Store,
    /** What this phone knows of its bank. */
    public val trust: Trust,
    /** Certificates of the makers' roots that the app trusts, DER. */
    public val makers: List<ByteArray>,
    /** The customer's name at the bank. */
    public val customer: String,
    /** The phone's name, as tokens list it. */
    public val phone: String,
    /** Language of all texts, BCP 47: `zh`, `en`. English for what there is no text in. */
    public val language: String,
) {
    override fun toString(): String = "Config"
}

/** What a phone is given of its bank once, over a way that it trusts: the content of the bank's `trust.json`. */
public data class Trust(
    /** BIC. */
    public val bankId: String,
    /** Name for people. */
    public val name: String,
    /** The bank root's public key, compressed, 66 hex digits. */
    public val root: String,
) {
    /** Reads it. */
    public companion object {
        /** From the content of the file; `bad-input` where it is none. */
        public fun read(json: String): Trust = calling { readTrust(json.whole("trust")) }.let { Trust(it.bankId, it.name, it.root) }
    }
}

/** Where a client remembers. */
public sealed interface Store {
    /** In a folder of its own, sealed by the key store's key; made where it is missing. One client at a time. */
    public data class Folder(
        public val path: File,
    ) : Store

    /** Nowhere: all is forgotten when the client is closed. For tests. */
    public data object Memory : Store
}

/** A transfer as the customer asks for it. */
public data class Transfer(
    /** An account of the customer. */
    public val debtorAccount: String,
    /** Name of the payee, 1 to 140 bytes. */
    public val creditorName: String,
    /** The payee's account. */
    public val creditorAccount: String,
    /** The payee's bank, 1 to 70 bytes. */
    public val creditorAgent: String,
    /** Minor units, 1 to 999,999,999,999,999; below zero is an [IllegalArgumentException]. */
    public val minor: Long,
    /** ISO 4217 code. */
    public val currency: String,
    /** For the payee; may be empty. */
    public val remittanceText: String = "",
    /** How the payee's account is to be read. */
    public val accountScheme: AccountScheme = AccountScheme.DOMESTIC,
    /** When; nothing: at once. */
    public val executionDate: LocalDate? = null,
    /**
     * The open order that is like this one, of the same amount between the same accounts, and that this one is placed beside. Without it
     * the bank answers with that order, whatever this one says of names and remittance.
     */
    public val beside: OrderId? = null,
) {
    /** Names and accounts are not for logs. */
    override fun toString(): String = "Transfer"
}

internal fun Config.lower() =
    FfiConfig(
        store =
            when (store) {
                is Store.Folder -> FfiStorePlace.Folder(store.path.path.whole("store"))
                Store.Memory -> FfiStorePlace.Memory
            },
        language = language.whole("language"),
        trust = FfiTrust(trust.bankId.whole("bankId"), trust.name.whole("name"), trust.root.whole("root")),
        makers = makers,
        customer = customer.whole("customer"),
        phone = phone.whole("phone"),
    )

private const val YEAR = 10_000
private const val MONTH = 100
private const val LAST_YEAR = 9_999

/**
 * A text that can be handed over. The generated code refuses half a character too, but does not free what it has taken by then. Says
 * nothing of the text.
 */
internal fun String.whole(name: String): String {
    require(Charsets.UTF_8.newEncoder().canEncode(this)) { "$name holds half a character" }
    return this
}

internal fun Transfer.lower(): FfiTransfer {
    require(minor >= 0) { "minor is below zero" }
    require(executionDate == null || executionDate.year in 1..LAST_YEAR) { "executionDate is not of the years 1 to 9999" }
    return FfiTransfer(
        debtorAccount = debtorAccount.whole("debtorAccount"),
        creditorName = creditorName.whole("creditorName"),
        creditorAccount = creditorAccount.whole("creditorAccount"),
        accountScheme = accountScheme,
        creditorAgent = creditorAgent.whole("creditorAgent"),
        amount = minor.toULong(),
        currency = currency.whole("currency"),
        executionDate = executionDate?.let { (it.year * YEAR + it.monthValue * MONTH + it.dayOfMonth).toUInt() },
        remittanceText = remittanceText.whole("remittanceText"),
        beside = beside?.uuid,
    )
}

internal fun day(number: UInt): LocalDate {
    val digits = number.toInt()
    return LocalDate.of(digits / YEAR, digits / MONTH % MONTH, digits % MONTH)
}
