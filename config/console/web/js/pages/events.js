// Searching the events.

import { h, fill } from "../dom.js";
import { at, get } from "../api.js";
import { card, codebox, empty, head, load } from "../ui.js";
import { check, field, input } from "../forms.js";
import { types } from "../lookup.js";
import { paged } from "../tables.js";
import { go, to } from "../router.js";
import { eventColumns, publishHint } from "../rows.js";
import { filterForm, span, spanFields } from "../span.js";

export function page({ tenant, query, signal }) {
  return [
    head("Events", { text: "All that was accepted, also what went to nobody." }),
    searchForm(tenant, query),
    card(null, { flush: true, label: "Events" }, load(signal, () => list(tenant, query, signal), { lines: 8 })),
  ];
}

function searchForm(tenant, query) {
  const known = h("datalist", { id: "types" });
  types(tenant).then((found) => fill(known, found.map((t) => h("option", { value: t.type }))), () => { /* it can be written */ });
  return filterForm("Search events", [
    field("Event id", input({ name: "id", value: query.id ?? "" })),
    field("Type", input({ name: "type", list: "types", value: query.type ?? "", placeholder: "order.paid" })), known,
    field("Source", input({ name: "source", value: query.source ?? "" })),
    field("Subject", input({ name: "subject", value: query.subject ?? "" })),
    ...spanFields(query),
    h("div", { class: "stack" }, check("Went to nobody", query.unmatched, { name: "unmatched", value: "true" }), check("Died before it was matched", query.dead, { name: "dead", value: "true" })),
  ], query, to(tenant, ["events"]), (found) => go(to(tenant, ["events"], found)));
}

function list(tenant, query, signal) {
  const { id, type, source, subject, unmatched, dead } = query;
  const wanted = { id, type, source, subject, unmatched, dead, ...span(query), limit: 50 };
  return paged("Events", eventColumns(tenant), (cursor) => get(at(tenant, "events"), { ...wanted, cursor }, signal), {
    mark: (e) => e.place,
    none: Object.keys(query).length
      ? empty("None is like that", "Take a filter away, or choose a longer time.")
      : empty("No events yet", "Publish one, with a token in $TOKEN:", codebox(publishHint(tenant), { label: "How to publish" })),
  });
}
