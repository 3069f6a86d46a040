// A client that openapi-client-axios generates from the server's own
// description: its methods are the operations. It goes through the life of an
// endpoint and prints what it met.
import { OpenAPIClientAxios } from "openapi-client-axios";
import axios from "axios";

const [url, token] = process.argv.slice(2);
const definition = (await axios.get(url + "/openapi.json")).data;
definition.servers = [{ url }];
const api = new OpenAPIClientAxios({
  definition,
  axiosConfigDefaults: { headers: { Authorization: "Bearer " + token }, validateStatus: () => true, proxy: false },
});
const client = await api.init();
const tenant = "acme";
const lines = [];
const say = (what, response, ...more) => lines.push([what, response.status, ...more].join(" "));

say("createTenant", await client.createTenant(null, { id: tenant, validation: "warn" }));
const key = { headers: { "Idempotency-Key": "one" } };
const body = { url: "https://example.com/hooks", policy: { timeout: "5s" } };
const made = await client.createEndpoint({ tenant }, body, key);
const again = await client.createEndpoint({ tenant }, body, key);
say("createEndpoint", made, made.data.secret.startsWith("whsec_"), again.data.id === made.data.id, again.headers["idempotency-replayed"]);
const at = { tenant, endpoint: made.data.id };
const patched = await client.patchEndpoint({ ...at, "If-Match": made.headers.etag }, { name: "Billing" });
say("patchEndpoint", patched, patched.data.name);
const stale = await client.patchEndpoint({ ...at, "If-Match": made.headers.etag }, { name: "Late" });
say("patchEndpoint", stale, stale.data.code);
const sub = await client.createSubscription({ tenant }, { endpoint: made.data.id, types: ["user.*"], deliver_from: "all" });
say("createSubscription", sub, sub.data.history.state);
const list = await client.listEndpoints({ tenant, limit: 1 });
say("listEndpoints", list, list.data.items.length, list.data.items[0].name);
const event = { specversion: "1.0", id: "1", source: "/client", type: "x.y", data: {} };
const sent = await client.publishEvents({ tenant }, event, { headers: { "Content-Type": "application/cloudevents+json" } });
say("publishEvents", sent, sent.data.events[0].stored);
say("deleteSubscription", await client.deleteSubscription({ tenant, subscription: sub.data.id }));
say("deleteEndpoint", await client.deleteEndpoint(at));
const gone = await client.getEndpoint(at);
say("getEndpoint", gone, gone.data.title);
process.stdout.write(lines.join("\n") + "\n");
