package ushield

/** A step of an [Operation]. */
public sealed interface Step<out R> {
    /** Something happened: [text] says it to the customer, in the phone's language, or what to do now. */
    public data class Told(
        public val event: Event,
        public val text: String,
    ) : Step<Nothing> {
        /** A text may hold a name. */
        override fun toString(): String = "Told($event)"
    }

    /** The token will need a PIN: ask the customer, and [answer]. Collect on meanwhile: a [PinDropped] takes the question away. */
    public class PinAsked internal constructor(
        private val running: Running,
        /** Which question this is. */
        public val question: Int,
        /** Why. */
        public val reason: PinReason,
        /** For the customer. */
        public val text: String,
    ) : Step<Nothing> {
        /**
         * Answers with the PIN, and overwrites it. False when the question is not open any more: nothing of it is kept then.
         *
         * Throws [UShieldException] with [Code.BAD_PIN_FORMAT], and the question stays open, for what is no PIN of 6 to 12 letters and
         * digits.
         */
        public fun answer(pin: CharArray): Boolean = pin.spent { running.answerPin(question, it) }

        /** The customer gives no PIN: the operation ends with [Code.INTERRUPTED]. False when the question is not open any more. */
        public fun refuse(): Boolean = running.refusePin(question)

        override fun toString(): String = "PinAsked($question, $reason)"
    }

    /** The PIN is not needed any more: take the prompt of this question away. */
    public data class PinDropped(
        public val question: Int,
    ) : Step<Nothing>

    /** The digits are on both screens: have the customer compare them. */
    public class DigitsShown internal constructor(
        private val running: Running,
        /** Six digits. */
        public val digits: String,
        /** The token's name. */
        public val name: String,
        /** The brand, by its maker's certificate. */
        public val brand: String,
    ) : Step<Nothing> {
        /** The customer found the same digits on both screens. False when nobody asks any more. */
        public fun same(): Boolean = running.answerDigits(true)

        /** They are not the same: nothing is paired. False when nobody asks any more. */
        public fun differ(): Boolean = running.answerDigits(false)

        override fun toString(): String = "DigitsShown"
    }

    /** The operation is over: the last step. */
    public data class Done<out R>(
        public val result: R,
    ) : Step<R>
}
