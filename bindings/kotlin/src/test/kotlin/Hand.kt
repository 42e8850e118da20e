package ushield

import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.future.await
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse.BodyHandlers
import java.util.concurrent.CopyOnWriteArrayList

/** What a screen of the token shows, read as a person reads it. */
data class Shown(
    val serial: Long,
    val text: String,
) {
    private val lines = text.lines()
    private val keys = lines.getOrElse(5) { "" }

    /** Number of this page of an order, and how many there are. */
    val page: Pair<Int, Int>? =
        Regex("^(?:TRANSFER|CERTIFICATE) +(\\d+)/(\\d+)").find(lines[0])?.destructured?.let { (at, of) -> at.toInt() to of.toInt() }

    /** The last page of an order: approve or reject. */
    val isDecision = page != null && page.first == page.second

    /** Six digits that stand alone on a line. */
    val digits: String? = lines.map { it.replace(" ", "") }.firstOrNull { it.length == 6 && it.all(Char::isDigit) }

    /** A question of the token's own. */
    val isQuestion = keys.startsWith("OK yes")

    /** OK alone goes on: a message, a wrong PIN, the last try. */
    val goesOn = keys.trimEnd() == "OK" || keys.startsWith("OK use it") || (keys.startsWith("OK back to order") && "Wrong PIN" in text)
}

/** What a person does with what the token asks. */
enum class Will {
    /** Reads all pages and presses OK. */
    APPROVE,

    /** Reads all pages and presses C. */
    REJECT,

    /** Presses C on the first page of an order. */
    REFUSE,

    /** Leaves the keys to the test. */
    WATCH,
}

/** A person's hand on the token's keys, and their eyes on its screen. */
class Hand(
    private val face: URI,
) {
    /** What they do with what the token asks. */
    @Volatile
    var will = Will.APPROVE

    /** Digits that were on the screen last. */
    val digits = MutableStateFlow<String?>(null)

    /** The last page of an order was reached: how often. */
    val decisions = MutableStateFlow(0)

    /** Pages of orders that were read. */
    val read = CopyOnWriteArrayList<String>()

    /** Waits for a screen newer than that one, some seconds at most. */
    suspend fun look(after: Long? = null): Shown {
        val query = if (after == null) "" else "?after=$after&wait=5"
        val answer = client.sendAsync(HttpRequest.newBuilder(face.resolve("/screen.txt$query")).build(), BodyHandlers.ofString()).await()
        return Shown(answer.headers().firstValueAsLong("x-serial").asLong, answer.body())
    }

    /** Presses a key, unless the screen has changed since it was looked at. */
    suspend fun press(
        key: String,
        seen: Shown,
    ) {
        val request = HttpRequest.newBuilder(face.resolve("/key/$key?serial=${seen.serial}")).header("X-UShield", "1")
        client.sendAsync(request.POST(HttpRequest.BodyPublishers.noBody()).build(), BodyHandlers.discarding()).await()
    }

    /** Opens pairing mode: the first entry of the menu. */
    suspend fun openPairing() {
        for (key in listOf("cancel", "cancel", "cancel", "ok", "ok")) press(key, look())
        check("PAIR A PHONE" in look().text) { "the menu led to ${look().text}" }
    }

    /** Reacts to what is shown, until it is cancelled. */
    suspend fun live(): Nothing {
        var seen = look()
        while (true) {
            react(seen)
            val now = look()
            seen = if (now.serial == seen.serial) look(seen.serial) else now
        }
    }

    /** Waits for an order's last page and for nothing else. */
    suspend fun decided(times: Int) = decisions.first { it >= times }

    private suspend fun react(seen: Shown) {
        seen.digits?.let { digits.value = it }
        if (will == Will.WATCH) return
        val (at, of) = seen.page ?: (0 to 0)
        when {
            seen.page != null && will == Will.REFUSE -> {
                press("cancel", seen)
            }

            at < of -> {
                read += seen.text
                press("down", seen)
            }

            seen.isDecision -> {
                read += seen.text
                decisions.value += 1
                press(if (will == Will.APPROVE) "ok" else "cancel", seen)
            }

            seen.isQuestion -> {
                press(if (will == Will.APPROVE) "ok" else "cancel", seen)
            }

            seen.goesOn -> {
                press("ok", seen)
            }
        }
    }

    private companion object {
        /** One for all hands. */
        val client: HttpClient = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
    }
}
