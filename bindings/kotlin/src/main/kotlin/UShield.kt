package ushield

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext
import ushield.ffi.Ending
import ushield.ffi.Operation as FfiOperation
import ushield.ffi.UShield as FfiUShield

/**
 * A phone that drives tokens for one customer of one bank.
 *
 * Everything that it promised is durable before a call returns; the process may be killed at any moment, and a new one goes on by [resume].
 * All calls may be made from any thread and several at once; none blocks its thread. [shutDown] it, or at least [close] it.
 */
@Suppress("TooManyFunctions") // The client's whole interface is here.
public class UShield private constructor(
    private val core: FfiUShield,
    /** What the customer should be told about the store that was opened: one that was not whole was set aside. */
    public val notice: Problem?,
) : AutoCloseable {
    /** Signs the customer in with the password, which is overwritten; the session is kept until it ends. */
    public suspend fun signIn(password: CharArray): Unit = password.spent { calling { core.signIn(it) } }

    /** Whether a session is there that has not ended by this phone's clock. The bank decides. */
    public suspend fun isSignedIn(): Boolean = calling { core.isSignedIn() }

    /** The customer's accounts. */
    public suspend fun accounts(): List<Account> = calling { core.accounts() }.map { it.lift() }

    /** The paired tokens. */
    public suspend fun tokens(): List<Token> = calling { core.tokens() }.map { it.lift() }

    /** Looks around with these radios, for some seconds: what is in reach, and whose it is. */
    public suspend fun inReach(radios: List<Radio>): List<InReach> = calling { core.inReach(radios.lower()) }.map { it.lift() }

    /** All orders that this phone knows, newest first. Needs neither bank nor token. */
    public suspend fun history(): List<HistoryEntry> = calling { core.history() }.map { it.lift() }

    /** The pages that the token will show for an order, before it is sent there. */
    public suspend fun preview(order: OrderId): List<Page> = calling { core.preview(order.uuid) }.map { Page(it.lines()) }

    /** A certificate that this phone keeps for a token: DER, own certificate first. Without a token, the only one. */
    public suspend fun certificate(
        role: CertificateRole,
        token: TokenId? = null,
    ): List<ByteArray>? = calling { core.certificate(token?.hex, role) }

    /** Takes over orders that are open at the bank and not known here, as after a store was set aside. */
    public suspend fun adopt(): Adopted = calling { core.adopt() }.lift()

    /** Forgets a token on this phone alone, for one that is lost or was reset. */
    public suspend fun forgetHere(token: TokenId? = null): Unit = calling { core.forgetHere(token?.hex) }

    /**
     * Pairs with the token whose pairing mode is open, by digits on both screens.
     *
     * [modeOpenedAgain] is the customer's word that they opened it anew after three tries were spent.
     */
    public fun pair(
        radios: List<Radio>,
        modeOpenedAgain: Boolean = false,
    ): Operation<Token> = Operation({ core.pair(radios.lower(), modeOpenedAgain) }, ::token)

    /**
     * Pairs by the text of the QR code that the customer scanned from the token's screen. It holds a secret of one use, and is
     * overwritten when the operation begins.
     */
    public fun pairByCode(
        radios: List<Radio>,
        code: CharArray,
        modeOpenedAgain: Boolean = false,
    ): Operation<Token> = Operation({ code.spent { core.pairByCode(radios.lower(), it, modeOpenedAgain) } }, ::token)

    /** Changes the PIN: asks for the current one and the new one. */
    public fun changePin(
        radios: List<Radio>,
        token: TokenId? = null,
    ): Operation<Unit> = Operation({ core.changePin(radios.lower(), token?.hex) }) {}

    /** Has the token forget a phone, this one by default. */
    public fun forgetPhone(
        radios: List<Radio>,
        token: TokenId? = null,
        phone: PhoneId? = null,
    ): Operation<Unit> = Operation({ core.forgetPhone(radios.lower(), token?.hex, phone?.hex) }) {}

    /** What the token says of itself, and the phones that it knows. */
    public fun tokenState(
        radios: List<Radio>,
        token: TokenId? = null,
    ): Operation<TokenState> = Operation({ core.tokenState(radios.lower(), token?.hex) }) { it.expect<Ending.TokenState>().lift() }

    /** The certificate that the token itself has stored: DER, own certificate first. */
    public fun certificateOnToken(
        radios: List<Radio>,
        role: CertificateRole,
        token: TokenId? = null,
    ): Operation<List<ByteArray>> =
        Operation({ core.certificateOnToken(radios.lower(), token?.hex, role) }) { it.expect<Ending.Certificate>().chain }

    /**
     * Orders a first certificate, has it approved on the token, and stores it there and here. A report where an order was needed for it.
     */
    public fun downloadCertificate(
        radios: List<Radio>,
        role: CertificateRole = CertificateRole.PAY,
        token: TokenId? = null,
    ): Operation<Report?> = Operation({ core.downloadCertificate(radios.lower(), token?.hex, role) }, ::reportOrNone)

    /**
     * Asks the bank for a transfer order, to be delivered to a paired token. Show its [preview], then [runOrder]. Each collector asks
     * anew.
     */
    public fun orderTransfer(
        transfer: Transfer,
        token: TokenId? = null,
    ): Operation<OrderId> = Operation({ core.orderTransfer(token?.hex, transfer.lower()) }) { OrderId(it.expect<Ending.Ordered>().order) }

    /** Has an order approved on its token and returns the answer to the bank. [Operation.cancelOrder] takes it back meanwhile. */
    public fun runOrder(
        radios: List<Radio>,
        order: OrderId,
    ): Operation<Report> = reporting { core.runOrder(radios.lower(), order.uuid) }

    /** Goes on with every order that is not over, after a process has died or a link was lost. */
    public fun resume(radios: List<Radio>): Operation<List<Resumed>> =
        Operation({ core.resume(radios.lower()) }) { ending -> ending.expect<Ending.Resumed>().orders.map { it.lift() } }

    /** Takes an order back, here, at the token and at the bank; the receipt says how it really ended. */
    public fun cancelOrder(
        radios: List<Radio>,
        order: OrderId,
    ): Operation<Report> = reporting { core.cancelOrder(radios.lower(), order.uuid) }

    /** Takes a request back whose order is not here yet. A report where the bank had made an order. */
    public fun cancelRequest(
        radios: List<Radio>,
        request: RequestId,
    ): Operation<Report?> = Operation({ core.cancelRequest(radios.lower(), request.hex) }, ::reportOrNone)

    private fun reporting(begin: () -> FfiOperation): Operation<Report> = Operation(begin) { it.expect<Ending.Settled>().report.lift() }

    /** Ends whatever runs, with `interrupted`, and returns when the store is closed and its folder free. Not after [close]. */
    public suspend fun shutDown() {
        withContext(NonCancellable) { core.shutDown() }
        close()
    }

    /** Frees the client: what runs ends, and the store is closed in a moment. Calls after it throw [IllegalStateException]. */
    override fun close(): Unit = core.close()

    /** Opens clients. */
    public companion object {
        /** Opens the client's store, or makes it, and sets the client up. Without a clock the system's is taken. */
        public suspend fun open(
            config: Config,
            bank: BankHttp,
            keystore: Keystore,
            clock: Clock? = null,
        ): UShield {
            val core = FfiUShield(config.lower(), BankAdapter(bank), KeystoreAdapter(keystore), clock?.let(::ClockAdapter))
            var opened = false
            try {
                val notice = calling { core.open() }
                currentCoroutineContext().ensureActive()
                opened = true
                return UShield(core, notice?.lift())
            } finally {
                if (!opened) {
                    // Also when it is given up at the moment of success: the folder is free again.
                    withContext(NonCancellable) { core.shutDown() }
                    core.close()
                }
            }
        }
    }
}

/** Each operation has one kind of ending. */
private inline fun <reified E : Ending> Ending.expect(): E = this as? E ?: throw defect()

private fun token(ending: Ending): Token = ending.expect<Ending.Paired>().token.lift()

private fun reportOrNone(ending: Ending): Report? = ending.expect<Ending.Stored>().report?.lift()
