import { createHmac, timingSafeEqual } from "node:crypto";

// Throws unless the request is in order. headers: Node's own, names in lower
// case. body: the Buffer that came, not yet parsed. key: the secret key.
export function verify(headers, body, key) {
  const given = Buffer.from(headers["x-oneroute-signature"] ?? "");
  if (!key || !given.length) throw new Error("the key or the signature is missing");
  const wanted = Buffer.from(createHmac("sha512", key).update(body).digest("hex"));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new Error("the signature does not match");
  }
}
