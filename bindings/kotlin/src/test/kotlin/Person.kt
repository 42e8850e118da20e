package ushield

import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration.Companion.seconds

/** The PIN that a test's token has once it was changed, and the one before. */
const val PIN = "204619"
const val FIRST_PIN = "12345678"

/** By then the digits are on the token's screen too. */
private val SHOWN = 20.seconds

/** The customer of a test: gives PINs, compares digits with what the token's screen shows, and remembers what they were told. */
open class Person(
    private val hand: Hand,
    private val pin: String = PIN,
    private val current: String = FIRST_PIN,
) : Customer {
    /** What they were told. */
    val told = MutableStateFlow(emptyList<Event>())

    /** Why they were asked for a PIN. */
    val asked = MutableStateFlow(emptyList<PinReason>())

    override suspend fun pin(
        reason: PinReason,
        text: String,
    ): CharArray? {
        asked.update { it + reason }
        return when (reason) {
            PinReason.Current -> current.toCharArray()
            else -> pin.toCharArray()
        }
    }

    override suspend fun digitsAreEqual(
        digits: String,
        name: String,
        brand: String,
    ): Boolean = withTimeoutOrNull(SHOWN) { hand.digits.first { it == digits } } != null

    override fun tell(
        event: Event,
        text: String,
    ) = told.update { it + event }

    /** Waits until they were told something. */
    suspend inline fun <reified E : Event> hears(): E = told.first { events -> events.any { it is E } }.filterIsInstance<E>().first()
}
