import { createHash, timingSafeEqual } from "node:crypto";

// Throws unless the request is in order. headers: Node's own, names in lower
// case. key: the webhook key, which the request carries as it is.
export function verify(headers, body, key) {
  const given = headers["roq-platform-webhook-key"];
  if (!key || !given) throw new Error("the key is missing");
  const hash = (text) => createHash("sha256").update(text).digest();
  if (!timingSafeEqual(hash(given), hash(key))) throw new Error("the key does not match");
}
