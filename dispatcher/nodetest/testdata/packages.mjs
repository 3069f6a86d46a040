// Answers with what its packages make of its arguments and its standard input.
import { readFileSync } from "node:fs";
import { CloudEvent } from "cloudevents";
import { canonicalize } from "json-canonicalize";
import { Webhook } from "standardwebhooks";
import { greeting } from "./beside.mjs";

const input = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(
  [
    greeting,
    canonicalize(input),
    new CloudEvent({ type: process.argv[2], source: "/s" }).type,
    typeof new Webhook(process.argv[3]).verify,
  ].join("\n"),
);
