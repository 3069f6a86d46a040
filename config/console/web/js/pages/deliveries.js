// Searching the deliveries.

import { h, fill } from "../dom.js";
import { at, get } from "../api.js";
import { card, codebox, empty, head, load } from "../ui.js";
import { field, input, select } from "../forms.js";
import { names, types } from "../lookup.js";
import { paged } from "../tables.js";
import { go, to } from "../router.js";
import { deliveryColumns, publishHint } from "../rows.js";
import { endpointField, filterForm, span, spanFields } from "../span.js";
import { reasons } from "../reasons.js";
import { session } from "../session.js";

export function page({ tenant, query, signal }) {
  return [
    head("Deliveries", { text: "Each event, for each endpoint that gets it. The newest events' come first." }),
    searchForm(tenant, query),
    card(null, { flush: true, label: "Deliveries" }, load(signal, () => list(tenant, query, signal), { lines: 8 })),
  ];
}

function searchForm(tenant, query) {
  const known = h("datalist", { id: "types" });
  types(tenant).then((list) => fill(known, list.map((t) => h("option", { value: t.type }))), () => { /* it can be written */ });
  const words = Object.keys(reasons).sort().map((r) => [r, r.replaceAll("_", " ")]);
  return filterForm("Search deliveries", [
    endpointField(tenant, query),
    field("Status", select([["", "Any"], ["waiting", "waiting"], ["retrying", "retrying"], ["delivered", "delivered"], ["dead", "dead"]], query.status ?? "", { name: "status" })),
    field("Outcome", select([["", "Any"], ...words], query.reason ?? "", { name: "reason" })),
    field("HTTP status", input({ name: "code", inputmode: "numeric", pattern: "[1-5][0-9][0-9]", value: query.code ?? "", placeholder: "503" })),
    field("Event type", input({ name: "type", list: "types", value: query.type ?? "", placeholder: "order.paid" })), known,
    field("Event id", input({ name: "event", value: query.event ?? "" })),
    ...spanFields(query),
  ], query, to(tenant, ["deliveries"]), (found) => go(to(tenant, ["deliveries"], found)));
}

async function list(tenant, query, signal) {
  if (session.scope === "personal" && !query.endpoint) return empty("Choose an endpoint", "Your token sees the deliveries of your own endpoints, one at a time.");
  const called = await names(tenant);
  const { endpoint, status, reason, code, type, event } = query;
  const wanted = { endpoint, status, reason, code, type, event, ...span(query), limit: 50 };
  const narrowed = Object.keys(query).length > 0;
  return paged("Deliveries", deliveryColumns(tenant, called), (cursor) => get(at(tenant, "deliveries"), { ...wanted, cursor }, signal), {
    mark: (d) => d.id,
    none: narrowed
      ? empty("None is like that", "Take a filter away, or choose a longer time.")
      : empty("No deliveries yet", "They come from events that match an endpoint's subscription. Publish one:", codebox(publishHint(tenant), { label: "How to publish" })),
  });
}
