// Writes the events on standard input as requests of the official SDK, in both
// modes it has: [{"binary": {headers, body}, "structured": {headers, body}}, …].
import { readFileSync } from "node:fs";
import { CloudEvent, HTTP } from "cloudevents";

const events = JSON.parse(readFileSync(0, "utf8")).map((e) => new CloudEvent(e));
const requests = events.map((e) => ({ binary: HTTP.binary(e), structured: HTTP.structured(e) }));
process.stdout.write(JSON.stringify(requests));
