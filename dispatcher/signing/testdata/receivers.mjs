// Plays the receivers of each system, with the libraries they use. Reads a list
// of requests {dialect, secret, headers, body: base64} and writes a list of
// {proof, refusal}: the proof it expects, and why it refuses the request.
import { readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { canonicalize } from "json-canonicalize";
import { Webhook } from "standardwebhooks";

const receivers = {
  // The official library. It wants the machine's own time.
  standard({ secret, headers, body }) {
    const webhook = new Webhook(secret);
    const proof = webhook.sign(headers["webhook-id"], new Date(headers["webhook-timestamp"] * 1000), body);
    return [proof, () => webhook.verify(body, headers)];
  },
  // As RelayBox's library for REST does it: the signed text is the canonical
  // form, serialized once more.
  relaybox({ secret, headers, body }) {
    const text = JSON.stringify(canonicalize(JSON.parse(body)));
    const proof = createHmac("sha256", secret).update(text).digest("hex");
    return [proof, () => same(proof, headers["x-relaybox-webhook-signature"])];
  },
  // As OneRoute's documentation does it.
  oneroute({ secret, headers, body }) {
    const proof = createHmac("sha512", secret).update(JSON.stringify(JSON.parse(body))).digest("hex");
    return [proof, () => same(proof, headers["x-oneroute-signature"])];
  },
  // As ROQ's SDK does it.
  roq({ secret, headers }) {
    return [secret, () => same(secret, headers["roq-platform-webhook-key"])];
  },
};

function same(want, got) {
  if (want !== got) throw new Error(`got ${got}, want ${want}`);
}

const answers = JSON.parse(readFileSync(0, "utf8")).map((request) => {
  request.body = Buffer.from(request.body, "base64").toString("utf8");
  const [proof, verify] = receivers[request.dialect](request);
  try {
    verify();
    return { proof, refusal: "" };
  } catch (error) {
    return { proof, refusal: String(error) };
  }
});
process.stdout.write(JSON.stringify(answers));
