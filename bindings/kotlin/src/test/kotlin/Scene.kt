package ushield

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import ushield.host.Air
import ushield.host.BankOverHttps
import ushield.host.FaultyPlug
import ushield.host.MemoryKeystore
import ushield.host.Reader
import java.io.File
import java.net.URI
import java.nio.file.Files
import java.security.cert.CertificateFactory
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes

const val PASSWORD = "correct horse battery"
const val BALANCE = 100_000_000L
const val ACCOUNT = "6222021001116245702"

/** A test with a bound. */
fun bounded(
    limit: Duration = 2.minutes,
    test: suspend CoroutineScope.() -> Unit,
) = runBlocking(Dispatchers.Default) { withTimeout(limit) { test() } }

/** A transfer of so many minor units. */
fun transfer(minor: Long) =
    Transfer(
        debtorAccount = ACCOUNT,
        creditorName = "杭州西湖龙井茶业有限公司",
        creditorAccount = "6217001210024455220",
        creditorAgent = "中国建设银行杭州分行",
        minor = minor,
        currency = "CNY",
        remittanceText = "十一月货款 2026-11",
    )

/** The software token as a program, at a radio and in a reader. */
class SoftToken(
    private val scene: Scene,
    name: String,
    radioAt: String? = null,
) : AutoCloseable {
    val radio = FaultyPlug(isRadio = true)
    val reader = FaultyPlug(isRadio = false)
    private val face: URI
    private val program: Process

    init {
        val state = scene.at(name)
        scene.run(
            "ushield-token",
            "personalise",
            "--state",
            state,
            "--maker",
            scene.at("maker"),
            "--bank-trust",
            scene.at("bank/trust.json"),
            "--locale",
            "en",
        )
        scene.run(
            *arrayOf("ushield-bank", "token", "hand-out", "--data", scene.at("bank"), "--customer", "li"),
            *arrayOf("--device", "$state/device.json", "--maker-root", scene.at("maker/root.pem")),
        )
        val ready = File(scene.at("$name.ready"))
        program =
            scene.start(
                name,
                *arrayOf("ushield-token", "run", "--state", state, "--face", "none", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"),
                *arrayOf("--gatt", radioAt ?: radio.address, "--vpcd", reader.address, "--ready-file", ready.path),
            )
        face = URI("http://" + Regex("\"http\":\"(?:http://)?([^\"/]+)").find(scene.waitFor(ready))!!.groupValues[1])
    }

    /** A hand for it. */
    val hand = Hand(face)

    override fun close() {
        scene.stop(program)
        radio.close()
        reader.close()
    }
}

/** A bank and tokens as programs, on an empty folder. The token's radio can be elsewhere than at this scene's. */
class Scene(
    password: String = PASSWORD,
    radioAt: String? = null,
) : AutoCloseable {
    private val folder = Files.createTempDirectory("ushield").toFile()
    private val programs = System.getProperty("ushield.programs")
    private val bank: Process
    val url: URI

    init {
        run("ushield-bank", "init", "--data", at("bank"), "--bank-id", "DEMOCNBJ", "--name", "Test bank")
        run(
            *arrayOf("ushield-bank", "customer", "add", "li", "--data", at("bank"), "--account", ACCOUNT),
            *arrayOf("--balance", "$BALANCE", "--currency", "CNY", "--secrets-fd", "0"),
            input = "$password\n",
        )
        val ready = File(at("bank.ready"))
        bank = start("bank", "ushield-bank", "serve", "--data", at("bank"), "--listen", "127.0.0.1:0", "--ready-file", ready.path)
        url = URI(Regex("\"url\":\\s*\"([^\"]+)\"").find(waitFor(ready))!!.groupValues[1])
    }

    val token = SoftToken(this, "token", radioAt)
    val hand get() = token.hand

    fun at(name: String) = "$folder/$name"

    /** Runs a program to its end. */
    fun run(
        vararg command: String,
        input: String = "",
    ): String {
        val log = File.createTempFile("program", ".log", folder)
        val process =
            ProcessBuilder(
                "$programs/${command[0]}",
                *command.drop(1).toTypedArray(),
            ).redirectErrorStream(true).redirectOutput(log).start()
        process.outputStream.use { it.write(input.toByteArray()) }
        check(process.waitFor(60, TimeUnit.SECONDS)) { "${command.toList()} does not end" }
        check(process.exitValue() == 0) { "${command.toList()}: ${log.readText()}" }
        return log.readText()
    }

    fun start(
        log: String,
        vararg command: String,
    ): Process {
        val output = File(at("$log.log"))
        return ProcessBuilder(
            "$programs/${command[0]}",
            *command.drop(1).toTypedArray(),
        ).redirectErrorStream(true).redirectOutput(output).start()
    }

    fun stop(process: Process) {
        process.destroy()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly()
    }

    /** Waits, with a bound, until a program has written its line. */
    fun waitFor(ready: File): String {
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60)
        while (System.nanoTime() < end) {
            if (ready.exists() && ready.readText().trimEnd().endsWith("}")) return ready.readText()
            TimeUnit.MILLISECONDS.sleep(20)
        }
        error("nothing wrote $ready; ${folder.listFiles { it.name.endsWith(".log") }?.joinToString { it.readText() }}")
    }

    val http by lazy { File(at("bank/tls-ca.pem")).inputStream().use { BankOverHttps(url, it) } }
    val trust by lazy { Trust.read(File(at("bank/trust.json")).readText()) }

    fun config(store: Store = Store.Memory): Config {
        val root = File(at("maker/root.pem")).inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it).encoded }
        return Config(store, trust, listOf(root), customer = "li", phone = "Li's phone", language = "en")
    }

    /** A client that is signed in. */
    suspend fun client(
        store: Store = Store.Memory,
        bank: BankHttp = http,
        keystore: Keystore = MemoryKeystore(),
        clock: Clock? = null,
    ): UShield {
        val client = UShield.open(config(store), bank, keystore, clock)
        try {
            client.signIn(PASSWORD.toCharArray())
        } catch (failed: UShieldException) {
            client.close()
            throw failed
        }
        return client
    }

    fun packets(mtu: Int = 185): List<Radio> = listOf(Air(token.radio, mtu))

    fun card(extended: Boolean = false): List<Radio> = listOf(Reader(token.reader, extended))

    /** Does something while a hand lives at the token. */
    suspend fun <T> living(
        hand: Hand = token.hand,
        act: suspend () -> T,
    ): T =
        coroutineScope {
            val living = launch { hand.live() }
            act().also { living.cancel() }
        }

    /** Pairing, change of the PIN, certificate. */
    suspend fun settle(
        client: UShield,
        radios: List<Radio>,
        hand: Hand = token.hand,
    ): Token {
        hand.openPairing()
        return living(hand) {
            val token = client.pair(radios).finish(Person(hand))
            client.changePin(radios, token.id).finish(Person(hand))
            client.downloadCertificate(radios, token = token.id).finish(Person(hand))
            token
        }
    }

    /** Minor units that have left the account, by the bank's books. */
    fun moved(): Long {
        val books = run("ushield-bank", "ledger", "--data", at("bank"), "--json")
        return BALANCE - Regex("\"$ACCOUNT\":\\s*(-?\\d+)").find(books)!!.groupValues[1].toLong()
    }

    override fun close() {
        token.close()
        stop(bank)
        folder.deleteRecursively()
    }
}
