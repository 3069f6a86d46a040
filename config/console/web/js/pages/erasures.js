// Erasures: what was removed for good, with the proof.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { button, card, empty, head, load, time } from "../ui.js";
import { dialog } from "../forms.js";
import { number } from "../format.js";
import { paged } from "../tables.js";
import { mayDefine } from "../session.js";
import { eraseDialog, proof, removed, state } from "../eraseform.js";

export function page({ tenant, signal }) {
  const top = (actions) => head("Erasures", { text: "Events that were removed for good, on somebody's request. The records are kept for a year, and have nothing of what was erased.", actions });
  const start = () => button("Erase…", { kind: "danger", onclick: () => eraseDialog(tenant, {}, { changed: () => box.reload() }) });
  const show = (r) => dialog("Proof of an erasure", (close) => [proof(r), h("div", { class: "buttons" }, button("Close", { onclick: close }))], { broad: true });
  const box = load(signal, () => paged("Erasures", [
    { label: "Asked for", cell: (r) => h("span", { class: "nowrap" }, time(r.created)) },
    { label: "State", cell: state },
    { label: "Of", cell: (r) => (r.of === "subject" ? "a subject" : "an event") },
    { label: "Events found", right: true, cell: (r) => number(r.found) },
    { label: "Removed", cell: (r) => [removed(r), r.more && h("span", { class: "sub" }, "and there is more: ask again")] },
    { label: "", cell: (r) => button("Proof", { size: "small", title: `Proof of ${r.id}`, onclick: () => show(r) }) },
  ], (cursor) => get(at(tenant, "erasures"), { limit: 50, cursor }, signal), {
    mark: (r) => r.id,
    none: empty("Nothing was erased", "When a person asks for it, remove all events about them: their payload, their deliveries, and what the log has of them.", mayDefine() && start()),
  }), { lines: 5 });
  return [top(mayDefine() ? [start()] : []), card(null, { flush: true, label: "Erasures" }, box)];
}
