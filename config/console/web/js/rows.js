// Columns that several lists have in common.

import { h } from "./dom.js";
import { brief, number } from "./format.js";
import { badge, status, time } from "./ui.js";
import { to } from "./router.js";
import { explain } from "./reasons.js";

// known is the name of an endpoint, with a link to it.
export const known = (tenant, names, id) => h("a", { href: to(tenant, ["endpoints", id]) }, names.get(id) ?? id);

// dotted is a type, which may be broken behind its dots.
export const dotted = (type) => String(type ?? "").split(".").flatMap((part, i) => (i ? [".", h("wbr"), part] : [part]));

// result is how the last attempt ended, in short.
export function result(d) {
  if (!d.reason) return "";
  return h("span", { class: "row", title: explain(d.reason).text }, d.code && h("span", { class: "mono" }, d.code), d.reason !== "ok" && h("span", { class: "muted nowrap" }, d.reason.replaceAll("_", " ")));
}

// deliveryColumns are those of a list of deliveries. Leave out what all share.
export function deliveryColumns(tenant, names, { endpoint = true, event = true } = {}) {
  return [
    { label: "Delivery", cell: (d) => h("a", { href: to(tenant, ["deliveries", d.id]), class: "mono nowrap", title: d.id }, brief(d.id)) },
    { label: "Status", cell: (d) => status(d.status) },
    event && { label: "Event", cell: (d) => [h("span", { class: "mono" }, dotted(d.type)), d.event?.id && h("span", { class: "sub clip", title: d.event.id }, d.event.id)] },
    endpoint && { label: "Endpoint", cell: (d) => known(tenant, names, d.endpoint) },
    { label: "Last attempt", cell: result },
    { label: "Attempts", right: true, cell: (d) => number(d.attempts) },
    { label: "Accepted", cell: (d) => h("span", { class: "nowrap" }, time(d.accepted)) },
  ].filter(Boolean);
}

export const eventColumns = (tenant) => [
  { label: "Event", cell: (e) => h("a", { href: to(tenant, ["events", e.place]), class: "mono clip", title: e.id ?? e.place }, e.id ?? "not a CloudEvent") },
  { label: "Type", cell: (e) => e.type && h("a", { href: to(tenant, ["types", e.type]), class: "mono" }, dotted(e.type)) },
  { label: "Source", cell: (e) => h("span", { class: "clip", title: e.source ?? "" }, e.source ?? "") },
  { label: "Went to", cell: (e) => (e.dead ? [badge("dead", "bad"), h("span", { class: "sub" }, explain(e.dead).text)] : e.pending ? badge("not matched yet", "info") : e.matched ? `${number(e.matched)} endpoint${e.matched === 1 ? "" : "s"}` : badge("nobody", "warn")) },
  { label: "Accepted", cell: (e) => h("span", { class: "nowrap" }, time(e.accepted)) },
];

// publishHint is the command that publishes a first event. Data is JSON.
export function publishHint(tenant, type = "room.joined", data = '{"roomId":"lobby"}') {
  const rest = quote(`","source":"/me","type":${JSON.stringify(type)},"data":${data}}`);
  return `curl ${location.origin}/v1/tenants/${encodeURIComponent(tenant)}/events \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H 'Content-Type: application/cloudevents+json' \\\n  -d '{"specversion":"1.0","id":"'$(date +%s)${rest}`;
}

// quote makes one word of a shell's of any text.
export const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
