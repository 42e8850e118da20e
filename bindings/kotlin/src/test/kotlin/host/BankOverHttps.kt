package ushield.host

import kotlinx.coroutines.future.await
import ushield.BankException
import ushield.BankHttp
import ushield.HttpMethod
import ushield.HttpRequest
import ushield.HttpResponse
import java.io.IOException
import java.io.InputStream
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.security.KeyStore
import java.security.cert.CertificateFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.SSLException
import javax.net.ssl.TrustManagerFactory
import java.net.http.HttpRequest as JavaRequest

/** The bank over the JDK's own client, which trusts the bank's CA and no other, and follows no redirect. */
class BankOverHttps(
    private val bank: URI,
    ca: InputStream,
) : BankHttp {
    private val client: HttpClient

    init {
        val trusted = KeyStore.getInstance(KeyStore.getDefaultType())
        trusted.load(null)
        trusted.setCertificateEntry("bank", CertificateFactory.getInstance("X.509").generateCertificate(ca))
        val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
        factory.init(trusted)
        val tls = SSLContext.getInstance("TLS")
        tls.init(null, factory.trustManagers, null)
        client =
            HttpClient
                .newBuilder()
                .sslContext(tls)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build()
    }

    override suspend fun call(request: HttpRequest): HttpResponse {
        val builder = JavaRequest.newBuilder(bank.resolve(request.path))
        for (header in request.headers) builder.header(header.name, String(header.value, Charsets.US_ASCII))
        when (request.method) {
            HttpMethod.GET -> builder.GET()
            HttpMethod.POST -> builder.POST(BodyPublishers.ofByteArray(request.body))
        }
        try {
            val response = client.sendAsync(builder.build(), BodyHandlers.ofByteArray()).await()
            return HttpResponse(response.statusCode(), response.headers().firstValue("Content-Type").orElse(null), response.body())
        } catch (untrusted: SSLException) {
            throw BankException.Untrusted(untrusted)
        } catch (unreachable: IOException) {
            throw BankException.Unreachable(unreachable)
        }
    }
}
