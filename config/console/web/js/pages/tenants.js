// The tenants, for administrators.

import { h } from "../dom.js";
import { get } from "../api.js";
import { badge, button, card, empty, head, load, time } from "../ui.js";
import { duration } from "../format.js";
import { paged } from "../tables.js";
import { go, to } from "../router.js";
import { editTenant, newTenant, validations } from "../tenantform.js";

export function page({ signal }) {
  const make = () => button("New tenant", { kind: "primary", glyph: "plus", onclick: () => newTenant((made) => go(to(made.id, ["overview"]))) });
  const box = load(signal, () => paged("Tenants", [
    { label: "Tenant", cell: (t) => [h("a", { href: to(t.id, ["overview"]) }, t.name || t.id), h("span", { class: "sub mono" }, t.id)] },
    { label: "Data that breaks its schema", cell: (t) => validations[t.validation] ?? t.validation },
    { label: "Quota", cell: quota },
    { label: "Kept", cell: (t) => h("span", { class: "nowrap" }, t.retention?.events ? duration(t.retention.events) : h("span", { class: "muted" }, "operator's")) },
    { label: "Made", cell: (t) => (t.origin === "file" ? badge("tidings.yaml", "plain") : h("span", { class: "nowrap" }, time(t.created))) },
    { label: "", cell: (t) => editTenant(t, () => box.reload(), "small") },
  ], (cursor) => get("/v1/tenants", { limit: 100, cursor }, signal), { label: "More", mark: (t) => t.id, none: empty("No tenants yet", "Make the first one: events are always some tenant's.", make()) }));
  return [
    head("Tenants", { text: "Each is a scope of isolation: it has its own events, endpoints and tokens.", actions: [make()] }),
    card(null, { flush: true, label: "Tenants" }, box),
  ];
}

// quota is what of it is the tenant's own; the whole is shown by the form.
function quota(t) {
  const own = Object.keys(t.quota ?? {}).length;
  if (t.quota?.events) return h("span", { class: "mono" }, t.quota.events, own > 1 && " …");
  return own ? "its own" : h("span", { class: "muted" }, "operator's");
}
