// Who did what.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { badge, card, empty, head, load, time } from "../ui.js";
import { paged } from "../tables.js";

export function page({ tenant, signal }) {
  return [
    head("Audit", { text: "Who changed what by the API, the newest first." }),
    card(null, { flush: true, label: "Audit" }, load(signal, () => list(tenant, signal), { lines: 8 })),
  ];
}

async function list(tenant, signal) {
  try {
    return await paged("Audit", [
      { label: "At", cell: (a) => h("span", { class: "nowrap" }, time(a.at)) },
      { label: "By", cell: (a) => [a.name || a.token, a.name && h("span", { class: "sub mono" }, a.token)] },
      { label: "Action", cell: (a) => h("span", { class: "mono" }, a.action || a.method) },
      { label: "Object", cell: (a) => h("span", { class: "mono" }, a.object ?? "") },
      { label: "Answer", cell: (a) => badge(String(a.status ?? ""), a.status < 400 ? "ok" : "bad") },
    ], async (cursor) => {
      const found = await get(at(tenant, "audit"), { limit: 50, cursor }, signal);
      return { items: found.items ?? found.data ?? [], next: found.next };
    }, { none: empty("Nothing was changed yet", "Each change that is made by the API is noted here.") });
  } catch (error) {
    if (error.status !== 404) throw error;
    return empty("This server keeps no audit list", "A newer version does. Until then the log of the process at the level debug has each request.");
  }
}
