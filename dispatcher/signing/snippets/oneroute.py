import hashlib
import hmac


def verify(headers, body, key):
    """Raises ValueError unless the request is in order.

    headers: a mapping that ignores case, or has names in lower case.
    body: the bytes that came, not yet parsed. key: the secret key.
    """
    given = headers.get("x-oneroute-signature")
    if not (key and given):
        raise ValueError("the key or the signature is missing")
    wanted = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise ValueError("the signature does not match")
