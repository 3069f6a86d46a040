import base64
import hashlib
import hmac
import time


def verify(headers, body, secret, now=None):
    """Raises ValueError unless the request is in order.

    headers: a mapping that ignores case, or has names in lower case.
    body: the bytes that came, not yet parsed. secret: "whsec_...".
    """
    id, timestamp, signatures = (headers.get("webhook-" + name) for name in ("id", "timestamp", "signature"))
    if not (id and timestamp and signatures):
        raise ValueError("a webhook header is missing")
    if "." in id:
        raise ValueError("the id has a dot, which ends it in the signed text")
    now = time.time() if now is None else now
    if not (timestamp.isascii() and timestamp.isdecimal()) or abs(now - int(timestamp)) > 300:
        raise ValueError("the timestamp is too far from now")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if len(key) < 24:
        raise ValueError("the secret is too short")
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    wanted = b"v1," + base64.b64encode(digest)
    if not any(hmac.compare_digest(given.encode(), wanted) for given in signatures.split(" ")):
        raise ValueError("no signature matches")
