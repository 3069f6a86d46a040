// Who did what.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { badge, card, empty, head, load, time } from "../ui.js";
import { paged } from "../tables.js";
import { to } from "../router.js";

export function page({ tenant, signal }) {
  return [
    head("Audit", { text: "Who changed what by the API, the newest first." }),
    card(null, { flush: true, label: "Audit" }, load(signal, () => list(tenant, signal), { lines: 8 })),
  ];
}

const made = { POST: "made", PATCH: "changed", PUT: "defined", DELETE: "removed", GET: "saw" };
const done = {
  secrets: "saw the keys of", rotate: "rotated the key of", pause: "paused", resume: "resumed", enable: "enabled", test: "sent a test to",
  resend: "resent", cancel: "cancelled", revoke: "revoked",
};

// words says what a route does: "paused the endpoint". A route that is not known is
// shown as it is.
export function words(method, action = "") {
  if (method === "APPLY") return "applied a file";
  const parts = action.replace(/^\/v1(\/tenants\/\{tenant\})?\/?/, "").split("/").filter(Boolean);
  const last = parts.at(-1);
  if (!action.startsWith("/v1/") || !made[method]) return action || method;
  if (!last) return `${made[method]} the tenant`;
  if (last.startsWith("{")) return `${made[method]} the ${last.slice(1, -1)}`;
  if (parts.length === 1) return `${made[method]} ${/^[aeiou]/.test(last) ? "an" : "a"} ${last.replace(/s$/, "")}`;
  return done[last] ? `${done[last]} the ${parts.at(-2).replace(/[{}]/g, "")}` : `${method} ${parts.join("/")}`;
}

// object is what was changed, with a link to it if it has a page.
function object(tenant, path) {
  const parts = path.split("/").slice(1);
  const own = parts[1] === "tenants" && parts[2] === tenant ? parts.slice(3) : parts.slice(1);
  const text = own.slice(0, 2).join("/") || tenant;
  const paged = ["endpoints", "deliveries", "replays", "types"].includes(own[0]) && own[1];
  return paged ? h("a", { class: "mono", href: to(tenant, own.slice(0, 2).map(decode)) }, text) : h("span", { class: "mono" }, text);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function list(tenant, signal) {
  try {
    return await paged("Audit", [
      { label: "At", cell: (a) => h("span", { class: "nowrap" }, time(a.at)) },
      { label: "By", cell: (a) => [a.name || a.token, a.link && [" ", badge("by a link", "plain")], a.name && a.token && h("span", { class: "sub mono" }, a.token)] },
      { label: "Action", cell: (a) => h("span", { title: `${a.method} ${a.action}` }, words(a.method, a.action)) },
      { label: "Object", cell: (a) => [object(tenant, a.object ?? ""), a.fields?.length > 0 && h("span", { class: "sub" }, a.fields.join(", "))] },
      { label: "Answer", cell: (a) => a.status && badge(String(a.status), a.status < 400 ? "ok" : "bad") },
    ], async (cursor) => {
      const found = await get(at(tenant, "audit"), { limit: 50, cursor }, signal);
      return { items: found.items ?? found.data ?? [], next: found.next };
    }, { none: empty("Nothing was changed yet", "Each change that is made by the API is noted here.") });
  } catch (error) {
    if (error.status !== 404) throw error;
    return empty("This server keeps no audit list", "A newer version does. Until then the log of the process at the level debug has each request.");
  }
}
