// The tenants, for administrators.

import { h } from "../dom.js";
import { get, post } from "../api.js";
import { button, card, empty, head, load, time, toast } from "../ui.js";
import { ask, field, input, select } from "../forms.js";
import { forget } from "../lookup.js";
import { paged } from "../tables.js";
import { go, to } from "../router.js";
import { may } from "../session.js";

export function page({ signal }) {
  const make = () => button("New tenant", { kind: "primary", glyph: "plus", onclick: create });
  return [
    head("Tenants", { text: "Each is a scope of isolation: it has its own events, endpoints and tokens.", actions: may("admin") ? [make()] : [] }),
    card(null, { flush: true, label: "Tenants" }, load(signal, () => paged("Tenants", [
      { label: "Tenant", cell: (t) => h("a", { href: to(t.id, ["overview"]) }, t.name || t.id) },
      { label: "Id", cell: (t) => h("code", null, t.id) },
      { label: "Data that breaks its schema", cell: (t) => ({ reject: "is refused", quarantine: "becomes a dead letter", warn: "is delivered and logged" }[t.validation] ?? t.validation) },
      { label: "Made", cell: (t) => (t.origin === "file" ? "by tidings.yaml" : time(t.created)) },
    ], (cursor) => get("/v1/tenants", { limit: 100, cursor }, signal), { label: "More", mark: (t) => t.id, none: empty("No tenants yet", "Make the first one: events are always some tenant's.", make()) }))),
  ];
}

function create() {
  ask("New tenant", {
    fields: [
      field("Id", input({ name: "id", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", placeholder: "acme" }), "Small letters, digits, - and _. It cannot be changed."),
      field("Name", input({ name: "name", maxlength: "255", placeholder: "Acme Inc." })),
      field("Data that breaks its type's schema", select([["reject", "is refused"], ["quarantine", "becomes a dead letter"], ["warn", "is delivered and logged"]], "reject", { name: "validation" })),
    ],
    go: "Create",
    work: (data) => post("/v1/tenants", { id: data.get("id"), validation: data.get("validation"), ...(data.get("name") && { name: data.get("name") }) }),
    done: (made) => {
      forget();
      toast("The tenant is made.");
      go(to(made.id, ["overview"]));
    },
  });
}
