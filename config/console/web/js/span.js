// Choosing a time: since when, or from one moment to another.

import { h, fill } from "./dom.js";
import { field, input, select } from "./forms.js";
import { button } from "./ui.js";
import { endpoints } from "./lookup.js";

const presets = [["", "Any time"], ["15m", "Last 15 minutes"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["168h", "Last 7 days"], ["720h", "Last 30 days"], ["custom", "From … to …"]];
const lengths = { "15m": 900, "1h": 3600, "24h": 86_400, "168h": 604_800, "720h": 2_592_000 };

// spanFields are the fields of query's time.
export function spanFields(query, start = "") {
  const custom = query.from || query.to;
  const last = select(presets, custom ? "custom" : query.last ?? start, { name: "last" });
  const from = field("From", input({ type: "datetime-local", name: "from", value: query.from ?? "" }));
  const until = field("To", input({ type: "datetime-local", name: "to", value: query.to ?? "" }));
  const show = () => { from.hidden = until.hidden = last.value !== "custom"; };
  last.addEventListener("change", () => {
    show();
    if (last.value !== "custom") from.control.value = until.control.value = "";
  });
  show();
  return [field("Time", last), from, until];
}

// span is the part of the API's query that such fields mean.
export function span(query, start = "") {
  if (query.from || query.to) return { since: iso(query.from), until: iso(query.to) };
  const length = lengths[query.last ?? start];
  return length ? { since: new Date(Date.now() - length * 1000).toISOString() } : {};
}

function iso(local) {
  const t = new Date(local ?? "");
  return Number.isNaN(t.getTime()) ? "" : t.toISOString();
}

// filterForm puts what its fields say into the address once it is sent: to choose
// something by the keyboard changes no page. Names are those of query; clear is the
// address without any.
export function filterForm(label, fields, query, clear, apply) {
  return h("form", { class: "filters", "aria-label": label, onsubmit: (event) => {
    event.preventDefault();
    apply(Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== "" && value !== "custom")));
  } }, fields,
  h("div", { class: "row" }, button("Search", { type: "submit", kind: "primary" }), Object.keys(query).length > 0 && h("a", { class: "button quiet", href: clear }, "Clear")));
}

// endpointField is a choice of one of a tenant's endpoints, of which query may name one
// that is gone.
export function endpointField(tenant, query) {
  const pick = select([["", "Every endpoint"], ...(query.endpoint ? [[query.endpoint, query.endpoint]] : [])], query.endpoint ?? "", { name: "endpoint" });
  endpoints(tenant).then((list) => {
    const strange = query.endpoint && !list.some((e) => e.id === query.endpoint) ? [{ id: query.endpoint }] : [];
    fill(pick, h("option", { value: "" }, "Every endpoint"),
      [...strange, ...list].map((e) => h("option", { value: e.id, selected: e.id === query.endpoint }, e.name ? `${e.name} (${e.id})` : e.id)));
  }, () => { /* it can be left out */ });
  return field("Endpoint", pick);
}
