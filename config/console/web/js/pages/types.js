// The catalogue of event types.

import { h, fill } from "../dom.js";
import { badge, card, empty, head, link, load } from "../ui.js";
import { input } from "../forms.js";
import { plural } from "../format.js";
import { types } from "../lookup.js";
import { table } from "../tables.js";
import { dotted } from "../rows.js";
import { to } from "../router.js";
import { mayDefine } from "../session.js";

const origins = { builtin: "built in", shared: "shared file", tenant: "your own", file: "your file" };

export function page({ tenant, query, signal }) {
  return [
    head("Event types", { text: "What events there are, and the schemas their data is held to. Types that are not here are delivered unchecked.", actions: mayDefine() ? [link("New event type", to(tenant, ["new-type"]), "primary", "plus")] : [] }),
    load(signal, async () => list(tenant, await types(tenant), query.q ?? ""), { lines: 8 }),
  ];
}

function list(tenant, all, start) {
  const box = h("div");
  const said = h("span", { class: "muted", role: "status" });
  const find = input({ type: "search", "aria-label": "Search the types", placeholder: "Search by name, domain or meaning", value: start, oninput: draw });
  const columns = [
    { label: "Type", sort: (t) => t.type, cell: (t) => h("a", { href: to(tenant, ["types", t.type]), class: "mono" }, dotted(t.type)) },
    { label: "Domain", sort: (t) => t.domain, cell: (t) => t.domain },
    { label: "Meaning", cell: (t) => t.meaning },
    { label: "Dialects", cell: (t) => h("span", { class: "chips" }, Object.keys(t.dialects ?? {}).sort().map((d) => badge(d, "plain"))) },
    { label: "From", cell: (t) => h("span", { class: "nowrap" }, origins[t.origin] ?? t.origin) },
  ];
  function draw() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = all.filter((t) => words.every((w) => `${t.type} ${t.domain} ${t.meaning}`.toLowerCase().includes(w)));
    fill(said, plural(found.length, "type"));
    fill(box, found.length ? table("Event types", columns, found) : empty("No type is like that", "Search for less."));
  }
  draw();
  return h("div", { class: "stack" }, h("div", { class: "filters" }, h("div", { class: "field" }, find), said), card(null, { flush: true, label: "Event types" }, box));
}
