"""Files over https: no other scheme, not even by a redirect, and never more than the limit."""
import http.client
import io
import urllib.error
import urllib.request

TIMEOUT = 20                                    # seconds without an answer


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, url):
        _require_https(url)
        return super().redirect_request(request, file, code, message, headers, url)


def fetch(url: str, limit: int) -> bytes:
    into = io.BytesIO()
    fetch_into(url, into.write, limit)
    return into.getvalue()


def fetch_into(url: str, write, limit: float = float("inf")):
    """`write` gets the content piece by piece."""
    _require_https(url)
    try:
        with urllib.request.build_opener(HttpsOnly).open(url, timeout=TIMEOUT) as answer:
            size, promised = 0, getattr(answer, "length", None)
            while piece := answer.read(1 << 20):
                size += len(piece)
                if size > limit:
                    raise OSError(f"{url} sends more than {limit} bytes")
                write(piece)
    except urllib.error.URLError as error:
        raise OSError(f"{url}: {error}") from error
    except http.client.HTTPException as error:
        raise OSError(f"{url}: the answer broke off: {error!r}") from error
    if promised is not None and size != promised:
        raise OSError(f"{url}: the answer broke off after {size} of {promised} bytes")


def _require_https(url: str) -> None:
    if not url.startswith("https://"):
        raise OSError(f"{url} is refused: only https is used")
