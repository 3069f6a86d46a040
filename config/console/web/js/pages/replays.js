// Replays: deliveries that are made once more, many at a time.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { number } from "../format.js";
import { button, card, empty, head, load, status, time } from "../ui.js";
import { names } from "../lookup.js";
import { paged } from "../tables.js";
import { to } from "../router.js";
import { known } from "../rows.js";
import { replayDialog } from "../replayform.js";
import { may } from "../session.js";
import { meter } from "./replay.js";

const words = { failed: "what died", missing: "what was missed", all: "all there is" };

export function page({ tenant, query, signal }) {
  const counts = query.what === "counts";
  const start = () => button("New replay", { kind: "primary", glyph: "plus", onclick: () => replayDialog(tenant) });
  return [
    head("Replays", { text: "They run in the background, and go on in another process if theirs dies.", actions: may("write") ? [start()] : [] }),
    h("nav", { class: "tabs", "aria-label": "Which" },
      h("a", { href: to(tenant, ["replays"]), "aria-current": !counts && "page" }, "Sent again"),
      h("a", { href: to(tenant, ["replays"], { what: "counts" }), "aria-current": counts && "page" }, "Only counted")),
    counts && h("p", { class: "muted" }, "Before a replay begins it is counted what it would send. So there is one here for most of those that were sent, by the console or by tidings recover."),
    card(null, { flush: true, label: "Replays" }, load(signal, async () => {
      const called = await names(tenant);
      return paged("Replays", [
        { label: "Replay", cell: (r) => h("a", { href: to(tenant, ["replays", r.id]) }, words[r.which] ?? r.which) },
        { label: "State", cell: (r) => status(r.state) },
        { label: "Endpoint", cell: (r) => (r.endpoint ? known(tenant, called, r.endpoint) : "every one") },
        { label: "Progress", cell: meter },
        { label: "Found", right: true, cell: (r) => number(r.found) },
        !counts && { label: "Sent", right: true, cell: (r) => number(r.sent) },
        { label: "Started", cell: (r) => h("span", { class: "nowrap" }, time(r.created)) },
      ].filter(Boolean), (cursor) => get(at(tenant, "replays"), { dry_run: String(counts), limit: 50, cursor }, signal), {
        mark: (r) => r.id,
        none: counts ? empty("Nothing was counted", "What a replay would send is counted before it begins.") : empty("No replays yet", "A replay sends again what died while a receiver was broken, or what a new subscription has missed.", may("write") && start()),
      });
    }, { lines: 5 })),
  ];
}
