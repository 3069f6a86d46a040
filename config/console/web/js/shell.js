// The frame around every page: menu, search, theme and who is signed in.

import { h, fill, say } from "./dom.js";
import { at, post } from "./api.js";
import { session, signOut, may, mayShare, personal, start } from "./session.js";
import { button, codebox, link, time } from "./ui.js";
import { ask, dialog, field, select } from "./forms.js";
import { go, to } from "./router.js";
import { icon } from "./icons.js";
import { brand } from "./brand.js";
import { tenants } from "./lookup.js";

const entries = [
  ["overview", "Overview"], ["endpoints", "Endpoints"], ["deliveries", "Deliveries"], ["events", "Events"], ["types", "Event types"],
  ["dead", "Dead letters"], ["replays", "Replays"],
];

// shell makes the frame. Its main is where pages go.
export function shell(settings, tenant) {
  const main = h("main", { id: "main", tabindex: "-1" });
  const menu = h("aside", { class: "side", id: "menu", "aria-label": "Menu" });
  const open = button("", { kind: "quiet menu-button", glyph: "menu", title: "Menu", onclick: () => toggle(true) });
  open.setAttribute("aria-expanded", "false");
  open.setAttribute("aria-controls", "menu");
  const veil = h("button", { class: "veil", type: "button", "aria-label": "Close the menu", hidden: true, onclick: () => toggle(false) });
  const page = h("div", null, h("header", { class: "top" }, open, tenant && search(tenant), h("span", { class: "spring" }), tenant && mayShare() && share(tenant), themeButton(),
    button("Sign out", { kind: "quiet", glyph: "out", onclick: () => signOut() })), main);
  const node = h("div", { class: "shell" }, menu, page, veil);

  // toggle opens the menu over the page, where that is narrow, or closes it.
  function toggle(on) {
    node.classList.toggle("open", on);
    veil.hidden = !on;
    page.inert = on;
    open.setAttribute("aria-expanded", String(on));
    (on ? menu.querySelector("a") : open).focus();
    if (on) matchMedia("(min-width: 821px)").addEventListener("change", () => toggle(false), { once: true });
  }
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && node.classList.contains("open")) toggle(false);
  });
  fillMenu(menu, settings, tenant);
  node.main = main;
  // mark says which entry is open.
  node.mark = (nav) => {
    if (node.classList.contains("open")) toggle(false);
    for (const a of menu.querySelectorAll("nav a")) {
      if (a.dataset.nav === nav) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
  };
  return node;
}

function fillMenu(menu, settings, tenant) {
  const item = (nav, label, href) => h("a", { href, "data-nav": nav }, icon(nav), label);
  const admin = [];
  if (may("admin")) admin.push(item("tenants", "Tenants", "#/tenants"), item("tokens", "Tokens", "#/tokens"));
  if (tenant && !personal()) admin.push(item("audit", "Audit", to(tenant, ["audit"])), item("erasures", "Erasures", to(tenant, ["erasures"])));
  if (tenant) admin.push(item("settings", "Settings", to(tenant, ["settings"])));
  fill(menu, brand(settings, tenant ? to(tenant, [start()]) : "#/"),
    tenant && picker(tenant),
    h("nav", { "aria-label": "Pages" },
      tenant && entries.filter(([nav]) => !personal() || !["overview", "events"].includes(nav)).map(([nav, label]) => item(nav, label, to(tenant, [nav]))),
      admin.length > 0 && h("div", { class: "group" }, "Administration"), admin),
    h("div", { class: "foot" },
      h("span", null, session.name || (session.scope ? `Scope ${session.scope}` : "Signed in")),
      session.expires && h("span", null, "until ", time(session.expires)),
      settings.version && h("span", null, `${settings.name} ${settings.version}`)));
}

function picker(tenant) {
  if (session.scope !== "admin") return h("div", { class: "tenant" }, h("span", { class: "badge plain" }, tenant));
  const other = button("Switch", { type: "submit" });
  other.hidden = true;
  const box = select([[tenant, tenant]], tenant, { "aria-label": "Tenant", onchange: () => { other.hidden = box.value === tenant; } });
  tenants().then((list) => {
    if (!list.some((t) => t.id === tenant)) list = [...list, { id: tenant }];
    fill(box, list.map((t) => h("option", { value: t.id, selected: t.id === tenant }, t.name && t.name !== t.id ? `${t.name} (${t.id})` : t.id)));
  }, () => { /* the one that is open is there */ });
  return h("form", { class: "tenant", onsubmit: (event) => {
    event.preventDefault();
    go(to(box.value, ["overview"]));
  } }, box, other);
}

function search(tenant) {
  const box = h("input", { type: "search", placeholder: "Find an event or delivery by its id", "aria-label": "Find an event, delivery or endpoint by its id", autocomplete: "off", spellcheck: "false" });
  addEventListener("keydown", (event) => {
    const target = event.target;
    if (!box.isConnected || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, dialog")) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
  return h("form", { class: "search", role: "search", onsubmit: (event) => {
    event.preventDefault();
    const id = box.value.trim();
    if (id) go(found(tenant, id));
  } }, box, h("kbd", { "aria-hidden": "true" }, "/"));
}

function found(tenant, id) {
  if (id.startsWith("dlv_")) return to(tenant, ["deliveries", id]);
  if (/^ep_[\w-]+$/.test(id)) return to(tenant, ["endpoints", id]);
  if (id.startsWith("rpl_")) return to(tenant, ["replays", id]);
  return personal() ? to(tenant, ["deliveries"], { event: id }) : to(tenant, ["events"], { id });
}

function themeButton() {
  const made = button("", { kind: "quiet", glyph: "theme", onclick: () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const next = dark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("tidings.theme", next);
    } catch { /* then for this page only */ }
    dispatchEvent(new Event("tidings:theme"));
    say(next === "dark" ? "Dark theme" : "Light theme");
  } });
  made.setAttribute("aria-label", "Switch between light and dark");
  return made;
}

// share makes a link by which somebody without a token gets in for a while.
function share(tenant) {
  return button("Share", { kind: "quiet", onclick: () => ask("Share access by a link", {
    text: "Whoever has the link can use this console, for this tenant alone, until it expires. Send it as you would send a password.",
    fields: [
      field("For whom", h("input", { name: "name", maxlength: "200", autocomplete: "off", placeholder: "ann@example.com" }), "The audit list shows it."),
      field("They may", select([["tenant:read", "look at everything but secrets"], ["tenant:write", "look at and change everything"]], "tenant:read", { name: "scope" })),
      field("For", select([["15m", "15 minutes"], ["1h", "an hour"], ["8h", "8 hours"]], "15m", { name: "ttl" })),
    ],
    go: "Make the link",
    work: async (data) => {
      try {
        return await post(at(tenant, "links"), { ttl: data.get("ttl"), scope: data.get("scope"), ...(data.get("name") && { name: data.get("name") }) });
      } catch (error) {
        if (error.status === 404) error.message = "This server makes no links yet. Make a token that expires instead, under Tokens.";
        throw error;
      }
    },
    done: (made) => dialog("The link", (close) => [
      h("p", null, "It is shown this once, and ends ", time(made.expires, true), "."),
      codebox(new URL(made.url, location.origin).href, { label: "Link" }),
      h("div", { class: "buttons" }, button("Done", { kind: "primary", onclick: close })),
    ]),
  }) });
}

// nowhere is the page of an address that leads to none.
export const nowhere = () => h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "There is no such page"),
  h("p", null, "The address may be of another version."), link("To the beginning", "#/", "primary"));

// noTenant is in the place of every page of a tenant that there is not.
export const noTenant = (tenant) => h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "There is no such tenant"),
  h("p", null, "No tenant has the id ", h("code", null, tenant), ": it is misspelled in the address, or was deleted."),
  may("admin") ? [h("p", null, "Choose another one, or make it."), link("All tenants", "#/tenants", "primary")] : h("p", null, "Ask whoever gave you the address."));

// elsewhere is in the place of every page of a tenant that the token is not for.
export const elsewhere = (tenant) => h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "Your token is for another tenant"),
  h("p", null, "The address is of ", h("code", null, tenant), ", and the token you have signed in with is for ", h("code", null, session.tenant), ". For the other one sign in with a token of its own."),
  link(`To ${session.tenant}`, to(session.tenant, [start()]), "primary"));
