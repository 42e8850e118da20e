package ushield

import java.time.Instant
import java.time.LocalDate
import ushield.ffi.Adopted as FfiAdopted
import ushield.ffi.HistoryEntry as FfiHistoryEntry
import ushield.ffi.OrderContent as FfiOrderContent
import ushield.ffi.OrderStatus as FfiOrderStatus
import ushield.ffi.Receipt as FfiReceipt
import ushield.ffi.Report as FfiReport
import ushield.ffi.Resumed as FfiResumed

/** A page as the token will show it. */
public class Page internal constructor(
    /** Its six lines. */
    public val lines: List<String>,
) {
    /** Names and accounts are not for logs. */
    override fun toString(): String = "Page"
}

/** The bank's signed receipt, verified. */
public data class Receipt(
    /** The order. */
    public val order: OrderId,
    /** How it ended. */
    public val outcome: OrderOutcome,
    /** When. */
    public val ended: Instant,
    /** Why, if refused. */
    public val reason: Code?,
)

/** How a run through an order's life ended. */
public data class Report(
    /** The bank's receipt. */
    public val receipt: Receipt,
    /** For the customer: how it ended. */
    public val text: String,
    /** Exchanges with the token on the connection on which its answer came; none where no token was needed. */
    public val exchanges: Int,
    /** Bytes of their messages. */
    public val bytes: Int,
)

/** What became of an order that was gone on with: a report or a problem. */
public data class Resumed(
    /** Its id, where there is one. */
    public val order: OrderId?,
    /** How it ended. */
    public val report: Report?,
    /** Why it has not. */
    public val problem: Problem?,
)

/** What became of an order, as this phone knows it. */
public sealed interface OrderStatus {
    /** Asked for; the bank's order is not here yet. */
    public data object Requested : OrderStatus

    /** Here; not decided on the token. */
    public data object Open : OrderStatus

    /** Decided on the token; on its way to the bank. */
    public data object Decided : OrderStatus

    /** The answer may have reached the bank and no receipt is here. Not a failure. */
    public data object Unknown : OrderStatus

    /** Ended, by the bank's signed receipt. */
    public data class Ended(
        public val outcome: OrderOutcome,
    ) : OrderStatus

    /** The bank refused to make it; there is no order. */
    public data class NotCreated(
        public val code: Code,
    ) : OrderStatus
}

/** An order in the customer's history. */
public data class HistoryEntry(
    /** The id of the request, for [UShield.cancelRequest]. */
    public val request: RequestId,
    /** The order's id, once there is one. */
    public val order: OrderId?,
    /** When it was asked for; nothing where the record cannot be read. */
    public val asked: Instant?,
    /** The token that it is for, where that is known. */
    public val token: TokenId?,
    /** What became of it. */
    public val status: OrderStatus,
    /** The bank has issued a certificate for it that the token is not known to have stored: [UShield.resume] has it stored. */
    public val certificateDue: Boolean,
    /** The same, for the customer. */
    public val text: String,
    /** Whether the customer cancelled it. */
    public val cancelled: Boolean,
    /** What it says, by the bank's signature. */
    public val content: OrderContent?,
    /** The receipt, verified. */
    public val receipt: Receipt?,
    /** Why something is missing here although the store holds it. */
    public val problem: Problem?,
)

/** What an order says. */
public sealed interface OrderContent {
    /** When it expires. */
    public val expires: Instant

    /** Money to a creditor. */
    public data class Transfer(
        /** The account that pays. */
        public val debtorAccount: String,
        /** Name of the payee. */
        public val creditorName: String,
        /** The account that is paid. */
        public val creditorAccount: String,
        /** How that account is to be read. */
        public val accountScheme: AccountScheme,
        /** The payee's bank. */
        public val creditorAgent: String,
        /** How much. */
        public val amount: Amount,
        /** Charges. */
        public val charges: Amount?,
        /** Whether the bank found the payee's name to be the account's. */
        public val nameCheck: NameCheck,
        /** When; nothing: at once. */
        public val executionDate: LocalDate?,
        /** For the payee. */
        public val remittanceText: String,
        override val expires: Instant,
    ) : OrderContent {
        /** Names and accounts are not for logs. */
        override fun toString(): String = "Transfer"
    }

    /** The first certificate of a role. */
    public data class CertificateDownload(
        /** Of which key. */
        public val role: CertificateRole,
        override val expires: Instant,
    ) : OrderContent
}

/** What became of the orders that are open at the bank. */
public data class Adopted(
    /** Taken over. */
    public val orders: List<OrderId>,
    /** Left at the bank, and why. */
    public val refused: Map<OrderId, Problem>,
)

internal fun instant(seconds: ULong): Instant = Instant.ofEpochSecond(seconds.coerceAtMost(Instant.MAX.epochSecond.toULong()).toLong())

internal fun FfiReceipt.lift() = Receipt(OrderId(order), outcome, instant(ended), reason)

internal fun FfiReport.lift() = Report(receipt.lift(), text, exchanges.toInt(), bytes.toInt())

internal fun FfiResumed.lift() = Resumed(order?.let(::OrderId), report?.lift(), problem?.lift())

internal fun FfiAdopted.lift() = Adopted(orders.map(::OrderId), refused.associate { OrderId(it.order) to it.problem.lift() })

internal fun FfiHistoryEntry.lift() =
    HistoryEntry(
        request = RequestId(request),
        order = order?.let(::OrderId),
        asked = asked.takeIf { it > 0uL }?.let(::instant),
        token = token?.let(::TokenId),
        certificateDue = certificateDue,
        status =
            when (val now = status) {
                FfiOrderStatus.Requested -> OrderStatus.Requested
                FfiOrderStatus.Open -> OrderStatus.Open
                FfiOrderStatus.Decided -> OrderStatus.Decided
                FfiOrderStatus.Unknown -> OrderStatus.Unknown
                is FfiOrderStatus.Ended -> OrderStatus.Ended(now.outcome)
                is FfiOrderStatus.NotCreated -> OrderStatus.NotCreated(now.code)
            },
        text = text,
        cancelled = cancelled,
        content = content?.lift(),
        receipt = receipt?.lift(),
        problem = problem?.lift(),
    )

private fun FfiOrderContent.lift(): OrderContent =
    when (this) {
        is FfiOrderContent.Transfer -> lift()
        is FfiOrderContent.CertificateDownload -> OrderContent.CertificateDownload(role, instant(expires))
    }

private fun FfiOrderContent.Transfer.lift(): OrderContent.Transfer {
    val money = { minor: ULong -> Amount(minor.toLong(), currency, exponent.toInt()) }
    return OrderContent.Transfer(
        debtorAccount = debtorAccount,
        creditorName = creditorName,
        creditorAccount = creditorAccount,
        accountScheme = accountScheme,
        creditorAgent = creditorAgent,
        amount = money(amount),
        charges = charges?.let(money),
        nameCheck = nameCheck,
        executionDate = executionDate?.let(::day),
        remittanceText = remittanceText,
        expires = instant(expires),
    )
}
