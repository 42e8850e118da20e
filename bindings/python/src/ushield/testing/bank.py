"""The bank over HTTPS, by the standard library, on threads of its own."""

import asyncio
import http.client
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from .. import BankUnreachable, BankUntrusted, HttpRequest, HttpResponse

#: Seconds for each wait on the network, and bytes of a body at most.
LIMIT, LARGEST = 30, 1 << 20


class HttpsBank:
    """One bank, by its address (`https://host:port`) and its CA's certificate: no other is trusted, no redirect followed."""

    def __init__(self, address: str, ca: str | Path) -> None:
        url = urlsplit(address)
        if url.scheme != "https" or url.hostname is None:
            raise ValueError("not an address that begins with https://")
        self._host, self._port = url.hostname, url.port or 443
        self._tls = ssl.create_default_context(cafile=str(ca))

    async def call(self, request: HttpRequest) -> HttpResponse:
        return await asyncio.to_thread(self._call, request)

    def _call(self, request: HttpRequest) -> HttpResponse:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=LIMIT, context=self._tls)
        headers = {name: value.decode("ascii") for name, value in request.headers}
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            answer = connection.getresponse()
            return HttpResponse(answer.status, answer.getheader("Content-Type"), answer.read(LARGEST + 1))
        except ssl.SSLCertVerificationError as error:
            raise BankUntrusted from error
        except (OSError, http.client.HTTPException) as error:
            raise BankUnreachable from error
        finally:
            connection.close()
