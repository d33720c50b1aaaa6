"""One file over https: no other scheme, not even by a redirect, and never more than the limit."""
import http.client
import urllib.request

TIMEOUT = 20                                    # seconds without an answer


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, url):
        _require_https(url)
        return super().redirect_request(request, file, code, message, headers, url)


def fetch(url: str, limit: int) -> bytes:
    _require_https(url)
    try:
        with urllib.request.build_opener(HttpsOnly).open(url, timeout=TIMEOUT) as answer:
            raw = answer.read(limit + 1)
    except http.client.HTTPException as error:
        raise OSError(f"{url}: the answer broke off: {error!r}") from error
    if len(raw) > limit:
        raise OSError(f"{url} sends more than {limit} bytes")
    return raw


def _require_https(url: str) -> None:
    if not url.startswith("https://"):
        raise OSError(f"{url} is refused: only https is used")
