// Tokens, for administrators.

import { h } from "../dom.js";
import { get, post } from "../api.js";
import { badge, button, card, codebox, empty, head, load, time, toast } from "../ui.js";
import { ask, dialog, field, input, select } from "../forms.js";
import { tenants } from "../lookup.js";
import { paged } from "../tables.js";

const scopes = [
  ["tenant:read", "tenant:read, to look at everything but secrets"], ["tenant:write", "tenant:write, to change and publish"],
  ["publish", "publish, and nothing else"], ["personal", "personal, for a user's own endpoints"], ["admin", "admin, everything for every tenant"],
];

export function page({ signal }) {
  const box = load(signal, () => list(signal, () => box.reload()), { lines: 6 });
  return [
    head("Tokens", { text: "Rights to call the API. Of each only a hash is kept.", actions: [button("New token", { kind: "primary", glyph: "plus", onclick: () => create(() => box.reload()) })] }),
    card(null, { flush: true, label: "Tokens" }, box),
  ];
}

function state(t) {
  if (t.revoked) return badge("revoked");
  if (t.expires && new Date(t.expires) < new Date()) return badge("expired");
  return badge("works", "ok");
}

function list(signal, reload) {
  const revoke = (t) => !t.revoked && t.origin !== "file" && button("Revoke", { size: "small", kind: "danger", title: `Revoke ${t.name || t.id}`, onclick: () => ask(`Revoke ${t.name || t.id}?`, {
    text: "Whoever uses it is refused from here on. This cannot be undone.", go: "Revoke", kind: "danger", work: () => post(`/v1/tokens/${encodeURIComponent(t.id)}/revoke`),
    done: () => {
      toast("It is revoked.");
      reload();
    },
  }) });
  return paged("Tokens", [
    { label: "Token", cell: (t) => [t.name || t.id, h("span", { class: "sub mono" }, t.id)] },
    { label: "Scope", cell: (t) => h("span", { class: "mono" }, t.scope) },
    { label: "Tenant", cell: (t) => t.tenant ?? "every one" },
    { label: "State", cell: state },
    { label: "Last used", cell: (t) => (t.last_used ? time(t.last_used, true) : "never") },
    { label: "Expires", cell: (t) => (t.expires ? time(t.expires) : "never") },
    { label: "", cell: revoke },
  ], (cursor) => get("/v1/tokens", { limit: 100, cursor }, signal), { label: "More", mark: (t) => t.id, none: empty("No tokens", "Make one for each program and person.") });
}

function create(reload) {
  const tenant = select([["", "choose…"]], "", { name: "tenant" });
  const whose = field("Tenant", tenant);
  const user = field("User", input({ name: "user", placeholder: "u1, ada@example.com" }), "The ids by which events name the user.");
  tenants().then((found) => tenant.append(...found.map((t) => h("option", { value: t.id }, t.name ? `${t.name} (${t.id})` : t.id))), () => { /* the API says it is missing */ });
  const scope = select(scopes, "tenant:write", { name: "scope", onchange: () => {
    whose.hidden = scope.value === "admin";
    user.hidden = scope.value !== "personal";
  } });
  user.hidden = true;
  ask("New token", {
    fields: [field("Name", input({ name: "name", maxlength: "255", placeholder: "CI" }), "Who or what uses it."), field("Scope", scope), whose, user,
      field("Expires", select([["", "never"], ["1", "in a day"], ["30", "in 30 days"], ["365", "in a year"]], "365", { name: "days" }))],
    go: "Create",
    work: (data) => {
      const days = Number(data.get("days"));
      const ids = data.get("user").split(/[\s,]+/).filter(Boolean);
      return post("/v1/tokens", {
        name: data.get("name"), scope: data.get("scope"), ...(data.get("scope") !== "admin" && { tenant: data.get("tenant") }),
        ...(data.get("scope") === "personal" && { user: ids }), ...(days && { expires: new Date(Date.now() + days * 86_400e3).toISOString() }),
      });
    },
    done: (made) => {
      reload();
      dialog("The token", (close) => [
        h("p", null, "This is all there will ever be of it: only a hash is kept. Copy it now."), codebox(made.token, { label: "Token" }),
        h("div", { class: "buttons" }, button("I have it", { kind: "primary", onclick: close })),
      ]);
    },
  });
}
