import { createHmac, timingSafeEqual } from "node:crypto";

// Throws unless the request is in order. headers: Node's own, names in lower
// case. body: the Buffer that came. key: the webhook's signing key.
export function verify(headers, body, key, now = Date.now()) {
  const given = Buffer.from(headers["x-relaybox-webhook-signature"] ?? "");
  if (!key || !given.length) throw new Error("the key or the signature is missing");
  const payload = JSON.parse(body);
  const signed = JSON.stringify(canonical(payload)); // a text of JSON, as a string of JSON
  const wanted = Buffer.from(createHmac("sha256", key).update(signed).digest("hex"));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new Error("the signature does not match");
  }
  if (!(Math.abs(now - Date.parse(payload.timestamp)) <= 60_000)) {
    throw new Error("the timestamp is too far from now");
  }
}

// RFC 8785: the names of every object sorted, no white space.
function canonical(value) {
  if (value === Infinity || value === -Infinity) throw new Error("a number is too large"); // null, to JSON
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  const member = (name) => JSON.stringify(name) + ":" + canonical(value[name]);
  return `{${Object.keys(value).sort().map(member)}}`;
}
