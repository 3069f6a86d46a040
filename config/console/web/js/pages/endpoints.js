// The endpoints of a tenant, with how they fare.

import { h, fill } from "../dom.js";
import { at, get } from "../api.js";
import { percent } from "../format.js";
import { card, empty, head, link, load, status } from "../ui.js";
import { spark } from "../charts.js";
import { counts, some, sum } from "../lookup.js";
import { paged } from "../tables.js";
import { to } from "../router.js";
import { may } from "../session.js";
import { dialects } from "../dialects.js";

export function page({ tenant, signal }) {
  const fresh = may("write") && link("New endpoint", to(tenant, ["new-endpoint"]), "primary", "plus");
  return [
    head("Endpoints", { text: "Where deliveries go, and how.", actions: fresh ? [fresh] : [] }),
    card(null, { flush: true, label: "Endpoints" }, load(signal, () => list(tenant, signal), { lines: 6 })),
  ];
}

function list(tenant, signal) {
  const waiting = [];
  let busy = false;
  // health fills in as it comes, a few at a time.
  async function work() {
    if (busy) return;
    busy = true;
    while (waiting.length && !signal.aborted) await some(waiting.splice(0, 200), (job) => job().catch(() => {}), 4);
    busy = false;
  }
  function health(e) {
    const box = h("span", { class: "row" }, h("span", { class: "muted" }, "…"));
    waiting.push(async () => {
      const points = await counts(tenant, 86_400, "60m", signal, e.id);
      const total = sum(points);
      const words = total.attempts ? `${percent(total.delivered, total.attempts)} taken` : "no attempts";
      fill(box, spark(points, `Last 24 hours: ${words}`), h("span", { class: "muted nowrap" }, words));
    });
    queueMicrotask(work);
    return box;
  }
  const columns = [
    { label: "Endpoint", cell: (e) => [h("a", { href: to(tenant, ["endpoints", e.id]) }, e.name || e.id), e.pull ? h("span", { class: "sub" }, "pulled by its receiver") : h("span", { class: "sub mono clip", title: e.url }, e.url)] },
    { label: "Status", cell: (e) => status(e.status) },
    { label: "Dialect", cell: (e) => dialects[e.dialect]?.label ?? e.dialect },
    { label: "Last 24 hours", cell: health },
  ];
  return paged("Endpoints", columns, (cursor) => get(at(tenant, "endpoints"), { limit: 50, cursor }, signal), {
    label: "More",
    mark: (e) => e.id,
    none: empty("No endpoints yet", "An endpoint is a URL that gets the events it subscribes to, signed, and again until it takes them.",
      may("write") && link("New endpoint", to(tenant, ["new-endpoint"]), "primary", "plus")),
  });
}
