// Replays: deliveries that are made once more, many at a time.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { number } from "../format.js";
import { badge, button, card, empty, head, load, status, time } from "../ui.js";
import { names } from "../lookup.js";
import { paged } from "../tables.js";
import { to } from "../router.js";
import { known } from "../rows.js";
import { replayDialog } from "../replayform.js";
import { may } from "../session.js";
import { meter } from "./replay.js";

const words = { failed: "what died", missing: "what was missed", all: "all there is" };

export function page({ tenant, signal }) {
  const start = () => button("New replay", { kind: "primary", glyph: "plus", onclick: () => replayDialog(tenant) });
  return [
    head("Replays", { text: "They run in the background, and go on in another process if theirs dies.", actions: may("write") ? [start()] : [] }),
    card(null, { flush: true, label: "Replays" }, load(signal, async () => {
      const called = await names(tenant);
      return paged("Replays", [
        { label: "Replay", cell: (r) => [h("a", { href: to(tenant, ["replays", r.id]) }, words[r.which] ?? r.which), r.dry_run && [" ", badge("counted only", "plain")]] },
        { label: "State", cell: (r) => status(r.state) },
        { label: "Endpoint", cell: (r) => (r.endpoint ? known(tenant, called, r.endpoint) : "every one") },
        { label: "Progress", cell: meter },
        { label: "Found", right: true, cell: (r) => number(r.found) },
        { label: "Sent", right: true, cell: (r) => (r.dry_run ? "–" : number(r.sent)) },
        { label: "Started", cell: (r) => h("span", { class: "nowrap" }, time(r.created)) },
      ], (cursor) => get(at(tenant, "replays"), { limit: 50, cursor }, signal), {
        mark: (r) => r.id,
        none: empty("No replays yet", "A replay sends again what died while a receiver was broken, or what a new subscription has missed.", may("write") && start()),
      });
    }, { lines: 5 })),
  ];
}
