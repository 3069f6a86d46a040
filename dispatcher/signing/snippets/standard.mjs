import { createHmac, timingSafeEqual } from "node:crypto";

// Throws unless the request is in order. headers: Node's own, names in lower
// case. body: the Buffer that came, not yet parsed. secret: "whsec_…".
export function verify(headers, body, secret, now = Date.now()) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": list } = headers;
  if (!id || !timestamp || !list) throw new Error("a webhook header is missing");
  if (id.includes(".")) throw new Error("the id has a dot, which ends it in the signed text");
  if (!/^\d+$/.test(timestamp) || Math.abs(now / 1000 - timestamp) > 300) {
    throw new Error("the timestamp is too far from now");
  }
  const [, encoded] = /^(?:whsec_)?([A-Za-z0-9+/]{32,}=*)$/.exec(secret) ?? [];
  if (!encoded) throw new Error("the secret is not whsec_ and base64");
  const key = Buffer.from(encoded, "base64");
  const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
  const wanted = Buffer.from("v1," + hmac.digest("base64"));
  const matches = (given) => given.length === wanted.length && timingSafeEqual(given, wanted);
  if (!list.split(" ").some((given) => matches(Buffer.from(given)))) {
    throw new Error("no signature matches");
  }
}
