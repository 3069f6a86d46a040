// Choosing a time: since when, or from one moment to another.

import { h } from "./dom.js";
import { field, input, select } from "./forms.js";

const presets = [["", "Any time"], ["15m", "Last 15 minutes"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["168h", "Last 7 days"], ["720h", "Last 30 days"], ["custom", "From … to …"]];
const lengths = { "15m": 900, "1h": 3600, "24h": 86_400, "168h": 604_800, "720h": 2_592_000 };

// spanFields are the fields of query's time. changed is called when one is.
export function spanFields(query, changed, start = "") {
  const custom = query.from || query.to;
  const last = select(presets, custom ? "custom" : query.last ?? start, { name: "last" });
  const from = field("From", input({ type: "datetime-local", name: "from", value: query.from ?? "" }));
  const until = field("To", input({ type: "datetime-local", name: "to", value: query.to ?? "" }));
  const show = () => { from.hidden = until.hidden = last.value !== "custom"; };
  last.addEventListener("change", () => {
    show();
    if (last.value !== "custom") from.control.value = until.control.value = "";
    if (last.value !== "custom") changed();
  });
  for (const one of [from, until]) one.control.addEventListener("change", changed);
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

// filterForm puts what its fields say into the address. Names are those of query.
export function filterForm(label, fields, apply) {
  const form = h("form", { class: "filters", "aria-label": label, onsubmit: (event) => {
    event.preventDefault();
    send();
  } }, fields);
  function send() {
    const query = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== "" && value !== "custom"));
    apply(query);
  }
  form.addEventListener("change", (event) => {
    if (event.target.matches("select:not([name=last]), input[type=checkbox], input[list]")) send();
  });
  form.send = send;
  return form;
}
