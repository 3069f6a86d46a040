// The beginning: who is there, and which page they want.

import { h, fill } from "./dom.js";
import { may, personal, restore, session, signOut, start } from "./session.js";
import { route, match, to } from "./router.js";
import { shell, nowhere, noTenant, elsewhere } from "./shell.js";
import { form, enter, takeLink } from "./signin.js";
import { read, paint } from "./brand.js";
import { notAllowed, problem } from "./ui.js";
import { tenants, forget, isThere } from "./lookup.js";

route("/t/:tenant/overview", () => import("./pages/overview.js"), "overview");
route("/t/:tenant/endpoints", () => import("./pages/endpoints.js"), "endpoints");
route("/t/:tenant/new-endpoint", () => import("./pages/newendpoint.js"), "endpoints");
route("/t/:tenant/endpoints/:id", () => import("./pages/endpoint.js"), "endpoints");
route("/t/:tenant/deliveries", () => import("./pages/deliveries.js"), "deliveries");
route("/t/:tenant/deliveries/:id", () => import("./pages/delivery.js"), "deliveries");
route("/t/:tenant/events", () => import("./pages/events.js"), "events");
route("/t/:tenant/events/:place", () => import("./pages/event.js"), "events");
route("/t/:tenant/types", () => import("./pages/types.js"), "types");
route("/t/:tenant/types/:type", () => import("./pages/type.js"), "types");
route("/t/:tenant/types/:type/edit", () => import("./pages/edittype.js"), "types");
route("/t/:tenant/new-type", () => import("./pages/edittype.js"), "types");
route("/t/:tenant/dead", () => import("./pages/dead.js"), "dead");
route("/t/:tenant/replays", () => import("./pages/replays.js"), "replays");
route("/t/:tenant/replays/:id", () => import("./pages/replay.js"), "replays");
route("/t/:tenant/audit", () => import("./pages/audit.js"), "audit");
route("/t/:tenant/erasures", () => import("./pages/erasures.js"), "erasures");
route("/t/:tenant/settings", () => import("./pages/settings.js"), "settings");
route("/tenants", () => import("./pages/tenants.js"), "tenants");
route("/tokens", () => import("./pages/tokens.js"), "tokens");

const root = document.getElementById("app");
let settings = { name: "Tidings" };
let frame = null; // the shell, of one tenant
let framed = null; // of which
let leaving = new AbortController();
let first = true;

async function begin() {
  const link = takeLink();
  restore();
  settings = await read();
  document.title = settings.name;
  paint(settings);
  addEventListener("hashchange", show);
  addEventListener("tidings:signed-out", (event) => signIn(event.detail));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  });
  if (link) return enterBy(link);
  show();
}

async function enterBy(link) {
  if (session.token) signOut();
  try {
    await enter(link);
    show();
  } catch (error) {
    signIn(error.status === 401 ? "The link has expired, or was taken back. Ask for a new one." : error.message);
  }
}

function signIn(reason = "") {
  leave();
  forget();
  frame = null;
  fill(root, form(settings, { reason, done: show }));
  document.title = `Sign in · ${settings.name}`;
  root.querySelector("input")?.focus();
}

function leave() {
  leaving.abort();
  leaving = new AbortController();
  for (const open of document.querySelectorAll("dialog")) open.close();
}

async function show() {
  if (location.hash === "#main") return;
  if (location.hash.startsWith("#link=")) return enterBy(takeLink());
  if (!session.token) return signIn();
  leave();
  const { signal } = leaving;
  if (["", "#", "#/"].includes(location.hash)) return home(signal);
  const found = match(location.hash);
  const tenant = found?.params.tenant ?? remembered();
  if (!frame || framed !== tenant) {
    frame = shell(settings, tenant);
    framed = tenant;
    fill(root, frame);
  }
  frame.mark(found?.nav);
  const strange = found?.params.tenant && await unknown(tenant, signal);
  if (signal.aborted) return;
  if (strange) {
    frame = shell(settings, session.tenant); // a menu of pages that there are
    framed = null;
    fill(root, frame);
    return present(strange, signal);
  }
  const refused = found && closed(found.nav);
  if (refused) return present(refused, signal);
  await open(found, tenant, signal);
}

// closed is what to show in place of a page that the token opens nothing of; null of others.
function closed(nav) {
  if (["tenants", "tokens"].includes(nav) && !may("admin")) {
    return notAllowed(nav === "tokens" ? "Tokens" : "Tenants", "This page is for administrators: your token is for one tenant. Sign in with one of the scope admin, or ask who has it.");
  }
  if (["overview", "events", "audit", "erasures"].includes(nav) && personal()) {
    return notAllowed("Of the tenant as a whole", "Your token is for endpoints of your own. Sign in with one of the scope tenant:read to see what is everybody's.");
  }
  return null;
}

// unknown is what to show in place of every page of a tenant that there is not, or that
// the token is not for; null of one that there is.
async function unknown(tenant, signal) {
  if (session.tenant && session.tenant !== tenant) return elsewhere(tenant);
  if (!await isThere(tenant, signal)) return noTenant(tenant);
  remember(tenant);
  return null;
}

async function open(found, tenant, signal) {
  let node = nowhere();
  if (found) {
    try {
      const { page } = await found.load();
      node = page({ tenant, params: found.params, query: found.query, signal });
    } catch (error) {
      node = h("div", null, h("h1", { tabindex: "-1" }, "This page could not be loaded"), problem({ status: 0, message: "Its file did not come. If Tidings was replaced by another version, load this page anew." }, () => location.reload()));
      console.error(error);
    }
  }
  if (!signal.aborted) present(node, signal);
}

function present(node, signal) {
  fill(frame.main, h("div", { class: "page" }, node));
  scrollTo(0, 0);
  titled(signal);
}

// titled names the window after the page's heading, and has a screen reader read that:
// at once, or when it has come.
function titled(signal) {
  const focus = !first;
  first = false;
  const look = () => {
    const title = frame.main.querySelector("h1");
    if (!title) return false;
    document.title = `${title.textContent} · ${settings.name}`;
    if (focus && !document.querySelector("dialog[open]")) title.focus({ preventScroll: true });
    return true;
  };
  if (look()) return;
  const waiting = new MutationObserver(() => (signal.aborted || look()) && waiting.disconnect());
  waiting.observe(frame.main, { childList: true, subtree: true });
}

// home is the only tenant's overview, or the choice of one.
async function home(signal) {
  if (session.tenant) return replace(to(session.tenant, [start()]));
  const last = remembered();
  try {
    const list = await tenants();
    if (signal.aborted) return;
    const pick = list.find((t) => t.id === last) ?? (list.length === 1 ? list[0] : null);
    replace(pick ? to(pick.id, ["overview"]) : "#/tenants");
  } catch (error) {
    if (!signal.aborted) fill(root, h("main", { id: "main" }, problem(error, show)));
  }
}

function replace(hash) {
  history.replaceState(null, "", hash);
  show();
}

function remember(tenant) {
  try {
    sessionStorage.setItem("tidings.tenant", tenant);
  } catch { /* it is chosen again */ }
}

function remembered() {
  if (session.tenant) return session.tenant;
  try {
    return sessionStorage.getItem("tidings.tenant") ?? "";
  } catch {
    return "";
  }
}

begin();
