// Signing in, by a token or by a link that has one.

import { h, fill } from "./dom.js";
import { call, Problem } from "./api.js";
import { keep } from "./session.js";
import { button, problem } from "./ui.js";
import { field, input } from "./forms.js";
import { brand } from "./brand.js";

// takeLink takes the token out of the address, at once, so that neither the history
// nor a copy of the address has it.
export function takeLink() {
  const found = /^#link=([^&]+)$/.exec(location.hash);
  if (!found) return "";
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return "";
  }
}

// enter finds out whose the token is, and keeps it.
export async function enter(token, tenant = "") {
  const me = await who(token, tenant);
  if (me.scope === "publish") throw new Problem(403, "This token can publish events, and nothing else: sign in with one of the scope tenant:read, tenant:write or admin.");
  keep({ token, name: me.name ?? "", scope: me.scope ?? "", tenant: me.tenant ?? "", expires: me.expires ?? "", id: me.id ?? me.token ?? "", link: me.link ? "yes" : "" });
}

async function who(token, tenant) {
  try {
    return await call("GET", "/v1/me", { token });
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  // A server without /v1/me: only an administrator sees the tenants.
  try {
    await call("GET", "/v1/tenants", { token, query: { limit: 1 } });
    return { scope: "admin" };
  } catch (error) {
    if (error.status !== 403) throw error;
  }
  if (!tenant) throw new Problem(403, "Write the tenant's id too: this server does not say whose the token is.", "which_tenant");
  await call("GET", `/v1/tenants/${encodeURIComponent(tenant)}`, { token });
  return { tenant };
}

// form asks for a token. done is called once there is one that works.
export function form(settings, { reason = "", done }) {
  const token = field("Token", input({ type: "password", name: "token", required: true, autocomplete: "current-password", placeholder: "tidings_…", autofocus: true }),
    "It stays in this tab, and is forgotten when you close it.");
  const tenant = field("Tenant", input({ name: "tenant", placeholder: "acme" }));
  tenant.hidden = true;
  const said = h("div", null, reason && h("p", { class: "note warn", role: "status" }, reason));
  const send = button("Sign in", { kind: "primary", type: "submit" });
  const node = h("form", { class: "form", onsubmit: async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await enter(token.control.value.trim(), tenant.control.value.trim());
      done();
    } catch (error) {
      if (error.code === "which_tenant") {
        tenant.hidden = false;
        tenant.control.focus();
      }
      fill(said, problem(error));
    }
    send.disabled = false;
  } }, said, token, tenant, send);
  return h("div", { class: "sign" }, h("main", { id: "main", class: "card", tabindex: "-1" },
    brand(settings, null), h("h1", { tabindex: "-1" }, "Sign in"),
    h("p", { class: "muted" }, "With a token of the API. The first start of the server prints one for its administrator, who makes others."),
    h("div", { class: "form", css: { "margin-top": "18px" } }, node)));
}
