import { createPublicKey, verify as verifySignature } from "node:crypto";

// Throws unless the request is in order. As above, with a public key: "whpk_…".
export function verify(headers, body, publicKey, now = Date.now()) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": list } = headers;
  if (!id || !timestamp || !list) throw new Error("a webhook header is missing");
  if (id.includes(".")) throw new Error("the id has a dot, which ends it in the signed text");
  if (!/^\d+$/.test(timestamp) || Math.abs(now / 1000 - timestamp) > 300) {
    throw new Error("the timestamp is too far from now");
  }
  const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const text = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const matches = (given) => verifySignature(null, text, key, Buffer.from(given.slice(4), "base64"));
  if (!list.split(" ").some((given) => given.startsWith("v1a,") && matches(given))) {
    throw new Error("no signature matches");
  }
}
