// What was given up: deliveries, and events that never became any.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { button, card, empty, head, load } from "../ui.js";
import { field, select } from "../forms.js";
import { names } from "../lookup.js";
import { paged } from "../tables.js";
import { go, to } from "../router.js";
import { deliveryColumns, eventColumns } from "../rows.js";
import { endpointField, filterForm, span, spanFields } from "../span.js";
import { deaths } from "../reasons.js";
import { replayDialog } from "../replayform.js";
import { may, personal, session } from "../session.js";

export function page({ tenant, query, signal }) {
  const events = query.what === "events";
  const replay = may("write") && button("Replay…", { kind: "primary", glyph: "replays", onclick: () => replayDialog(tenant, { endpoint: query.endpoint, reason: query.reason }) });
  return [
    head("Dead letters", { text: "What was given up, with the reason. Mend the cause, then replay it.", actions: replay ? [replay] : [] }),
    !personal() && h("nav", { class: "tabs", "aria-label": "Which" },
      h("a", { href: to(tenant, ["dead"]), "aria-current": !events && "page" }, "Deliveries"),
      h("a", { href: to(tenant, ["dead"], { what: "events" }), "aria-current": events && "page" }, "Events")),
    searchForm(tenant, query, events),
    card(null, { flush: true, label: "Dead letters" }, load(signal, () => (events ? deadEvents(tenant, query, signal) : deadDeliveries(tenant, query, signal)), { lines: 8 })),
  ];
}

function searchForm(tenant, query, events) {
  const here = (found) => to(tenant, ["dead"], events ? { ...found, what: "events" } : found);
  const { what: _, ...narrowed } = query;
  return filterForm("Search dead letters", [
    !events && endpointField(tenant, query),
    !events && field("Reason", select([["", "Any"], ...deaths.map((r) => [r, r.replaceAll("_", " ")])], query.reason ?? "", { name: "reason" })),
    ...spanFields(query),
  ], narrowed, here({}), (found) => go(here(found)));
}

async function deadDeliveries(tenant, query, signal) {
  if (session.scope === "personal" && !query.endpoint) return empty("Choose an endpoint", "Your token sees the deliveries of your own endpoints, one at a time.");
  const called = await names(tenant);
  const wanted = { status: "dead", endpoint: query.endpoint, reason: query.reason, ...span(query), limit: 50 };
  return paged("Dead deliveries", deliveryColumns(tenant, called), (cursor) => get(at(tenant, "deliveries"), { ...wanted, cursor }, signal), {
    mark: (d) => d.id, none: empty("Nothing was given up", query.endpoint || query.reason || query.last ? "At least nothing that is like that." : "A delivery comes here when its schedule is used up, or when its receiver refuses it for good."),
  });
}

function deadEvents(tenant, query, signal) {
  return paged("Dead events", eventColumns(tenant), (cursor) => get(at(tenant, "events"), { dead: true, ...span(query), limit: 50, cursor }, signal), {
    mark: (e) => e.place, none: empty("No event was given up", "An event comes here when it is no CloudEvent, or its data breaks the schema of its type."),
  });
}
