import hmac


def verify(headers, body, key):
    """Raises ValueError unless the request is in order.

    headers: a mapping that ignores case, or has names in lower case.
    key: the webhook key, which the request carries as it is.
    """
    given = headers.get("roq-platform-webhook-key")
    if not (key and given):
        raise ValueError("the key is missing")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise ValueError("the key does not match")
