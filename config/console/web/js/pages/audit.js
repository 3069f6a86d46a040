// Who did what.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { card, empty, head, load, time } from "../ui.js";
import { paged } from "../tables.js";

export function page({ tenant, signal }) {
  return [
    head("Audit", { text: "Who changed what by the API, the newest first." }),
    card(null, { flush: true, label: "Audit" }, load(signal, () => list(tenant, signal), { lines: 8 })),
  ];
}

async function list(tenant, signal) {
  return await paged("Audit", [
    { label: "At", cell: (a) => h("span", { class: "nowrap" }, time(a.at)) },
    { label: "Who", cell: (a) => [h("span", { class: "nowrap" }, a.name || a.token), a.name && a.token && h("span", { class: "sub mono" }, a.link ? `${a.token}, a link` : a.token)] },
    { label: "What", cell: (a) => [said(a), a.fields?.length ? h("span", { class: "sub" }, a.fields.join(", ")) : null] },
  ], async (cursor) => get(at(tenant, "audit"), { limit: 50, cursor }, signal),
  { none: empty("Nothing was changed yet", "Each change that is made by the API is noted here.") });
}

// verbs are what is done to a thing, by the method, or by what the path ends in.
const verbs = {
  POST: "Created", PATCH: "Changed", PUT: "Set", DELETE: "Deleted", GET: "Looked at", APPLY: "Applied",
  secrets: "Looked at the secrets of", rotate: "Rotated the key of", pause: "Paused", resume: "Resumed", enable: "Enabled",
  test: "Sent a test event to", resend: "Resent", cancel: "Cancelled", revoke: "Revoked", roam: "Looked at the secrets of", settle: "Settled deliveries of",
};

const nouns = {
  endpoints: "endpoint", subscriptions: "subscription", types: "event type", deliveries: "delivery", replays: "replay",
  erasures: "erasure", links: "link to the console", tokens: "token", tenants: "tenant",
};

// said is an entry in words: a verb, a noun, and what it is called.
function said(a) {
  const path = a.object.split("/").filter(Boolean).map(decode);
  if (path[0] !== "v1") return [`${verbs[a.method] ?? a.method} `, h("span", { class: "mono" }, a.object)];
  const parts = path[1] === "tenants" && path.length > 3 ? path.slice(3) : path.slice(1);
  const [kind, id, tail] = parts;
  const verb = verbs[tail] ?? (kind === "roam" ? verbs.roam : verbs[a.method]) ?? a.method;
  return [`${verb} ${nouns[kind] ?? kind}${id ? " " : ""}`, id && h("span", { class: "mono" }, id)];
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
