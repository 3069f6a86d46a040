import datetime
import decimal
import hashlib
import hmac
import json
import math
import re
import time


def verify(headers, body, key, now=None):
    """Raises an exception unless the request is in order.

    headers: a mapping that ignores case, or has names in lower case.
    body: the bytes that came. key: the webhook's signing key.
    """
    given = headers.get("x-relaybox-webhook-signature")
    if not (key and given):
        raise ValueError("the key or the signature is missing")
    payload = json.loads(body.decode(), parse_int=float)  # JavaScript's numbers are floats
    signed = string(canonical(payload))  # a text of JSON, as a string of JSON
    wanted = hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise ValueError("the signature does not match")
    sent = datetime.datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00"))
    if abs((time.time() if now is None else now) - sent.timestamp()) > 60:
        raise ValueError("the timestamp is too far from now")


def canonical(value):
    """RFC 8785: names sorted by UTF-16, no white space, numbers as JavaScript has them."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(string(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, float):
        return number(value)
    return json.dumps(value)  # true, false, null


def string(text):
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: "\\u%04x" % ord(half[0]), quoted)


def number(value):
    """ECMA-262, Number::toString; point is its n, the place of the decimal point."""
    if not math.isfinite(value):
        raise ValueError("a number is too large, or none")
    if value == 0:
        return "0"
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    point = len(digits) + exponent
    digits = "".join(map(str, digits)).rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if digits[1:] else "") + "e%+d" % (point - 1)
    return "-" * sign + text
