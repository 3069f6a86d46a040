// Answers each POST with the events that the CloudEvents SDK for JavaScript sees
// in it: a list of {attributes, data}, where data is absent if the SDK has none.
// The official Standard Webhooks library checks the signature first, with the
// secret in process.argv[2].
import { createServer } from "node:http";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.argv[2]);

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  try {
    // verify returns the body parsed as JSON, so it cannot take an empty one.
    if (body !== "") webhook.verify(body, request.headers);
    // As frameworks do: no body is none, not an empty string.
    const seen = HTTP.toEvent({ headers: request.headers, body: body === "" ? undefined : body });
    const events = (Array.isArray(seen) ? seen : [seen]).map(({ data, ...attributes }) => ({ attributes, data }));
    response.end(JSON.stringify(events));
  } catch (error) {
    response.writeHead(400).end(String(error.stack));
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
