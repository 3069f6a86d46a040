// How the tenant and the process are set. They are changed elsewhere.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { bytes, duration, number } from "../format.js";
import { badge, card, facts, head, load, time } from "../ui.js";
import { session } from "../session.js";
import { go } from "../router.js";
import { deleteTenant, editTenant, validations } from "../tenantform.js";

export function page({ tenant, signal }) {
  const box = load(signal, async () => {
    const t = await get(at(tenant), {}, signal);
    const steps = [editTenant(t, () => box.reload()), deleteTenant(t, () => go("#/tenants"))];
    return card("Tenant", { actions: steps.some(Boolean) ? steps : undefined }, about(t));
  }, { lines: 6 });
  return [
    head("Settings", { text: "What the tenant may have, and how long its data is kept. An administrator changes it, or tidings.yaml; the process is set by its flags." }),
    h("div", { class: "grid2" },
      box,
      h("div", { class: "stack" },
        card("You", {}, facts([["Token", session.name || session.id || "not told"], ["Scope", session.scope || "not told"], ["Tenant", session.tenant || (session.scope === "admin" ? "every one" : tenant)], ["Expires", session.expires ? time(session.expires) : "never"]])),
        card("This process", { text: "What /readyz says." }, load(signal, () => ready(signal))),
        card("API", {}, h("p", null, "Everything here is made with the public API: ", h("a", { href: "/openapi.json" }, "openapi.json"), ", ", h("a", { href: "/openapi.yaml" }, "openapi.yaml"), ".")))),
  ];
}

function about(t) {
  const q = t.quota ?? {};
  const r = t.retention ?? {};
  const operator = h("span", { class: "muted" }, "as the operator has set");
  return facts([
    ["Id", h("code", null, t.id)], ["Name", t.name],
    ["Data that breaks its schema", validations[t.validation] ?? t.validation],
    ["Events published", q.events ?? operator.cloneNode(true)], ["Stored events", q.stored_bytes ? bytes(q.stored_bytes) : operator.cloneNode(true)], ["Endpoints", q.endpoints ? number(q.endpoints) : operator.cloneNode(true)], ["Deliveries that wait", q.held ? number(q.held) : operator.cloneNode(true)],
    ["Events are kept", r.events ? duration(r.events) : operator.cloneNode(true)], ["The log is kept", r.log ? duration(r.log) : operator.cloneNode(true)],
    ["Made", t.origin === "file" ? "by tidings.yaml" : time(t.created)],
  ]);
}

async function ready(signal) {
  const answer = await fetch("/readyz", { signal, cache: "no-store", credentials: "omit" });
  const said = await answer.json();
  return h("div", { class: "stack" }, h("div", null, badge(said.status, answer.ok ? "ok" : "bad")),
    facts((said.checks ?? []).map((c) => [c.name, c.problem ? [badge(c.optional ? "does without" : "not ready", c.optional ? "warn" : "bad"), ` ${c.problem}`] : badge("well", "ok")])));
}
