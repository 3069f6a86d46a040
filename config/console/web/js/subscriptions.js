// What an endpoint gets.

import { h, fill } from "./dom.js";
import { at, get, post, remove } from "./api.js";
import { badge, button, card, empty, load, problem, toast } from "./ui.js";
import { ask, dialog, field, select } from "./forms.js";
import { typePicker } from "./typepicker.js";
import { filterField } from "./filterfield.js";
import { may } from "./session.js";

// subscriptionsCard lists the subscriptions of an endpoint, and lets them be changed.
export function subscriptionsCard(tenant, e, signal) {
  const box = load(signal, () => list(tenant, e, signal, () => box.reload()));
  return card("What it gets", { actions: may("write") ? [button("Subscribe", { size: "small", glyph: "plus", onclick: () => add(tenant, e, signal, () => box.reload()) })] : [] }, box);
}

async function list(tenant, e, signal, reload) {
  const { items } = await get(at(tenant, "subscriptions"), { endpoint: e.id, limit: 200 }, signal);
  if (!items.length) return empty("It is subscribed to nothing", "So it gets test events only.");
  return h("ul", { class: "stack" }, items.map((s) => h("li", { class: "row" },
    h("div", { css: { flex: "1 1 200px" } },
      h("span", { class: "chips" }, s.types.map((t) => badge(t, "plain"))),
      (s.filters ?? []).map((f) => h("pre", { class: "muted" }, words(f))),
      s.channel && h("span", { class: "muted" }, `on the channel ${s.channel} `), s.user?.length > 0 && h("span", { class: "muted" }, `that involve ${s.user.join(", ")}`),
      s.history && s.history.state !== "done" && badge("stored events are on their way", "info")),
    s.origin === "file" ? badge("tidings.yaml", "plain") : may("write") && button("Remove", { size: "small", title: `Remove the subscription to ${s.types.join(", ")}`, onclick: () => ask("Remove this subscription?", {
      text: `The endpoint no longer gets ${s.types.join(", ")} by it.`, go: "Remove", kind: "danger", work: () => remove(at(tenant, "subscriptions", s.id)), done: reload,
    }) }))));
}

const words = (filter) => filter.cel ?? filter.sql ?? JSON.stringify(filter);

function add(tenant, e, signal, reload) {
  dialog("Subscribe to events", (close) => {
    const types = typePicker(tenant, () => filter.check());
    const filter = filterField(tenant, () => ({ types: types.chosen(), dialect: e.dialect }), signal);
    const old = field("Stored events", select([["", "Only events from now on"], ["all", "Also all events that are still stored"]], ""));
    const wrong = h("div");
    const send = button("Subscribe", { kind: "primary", onclick: async () => {
      send.disabled = true;
      fill(wrong);
      try {
        const filters = filter.read();
        await post(at(tenant, "subscriptions"), { endpoint: e.id, types: types.chosen(), ...(filters.length && { filters }), ...(old.control.value && { deliver_from: old.control.value }) });
        close();
        toast("It is subscribed.");
        reload();
      } catch (error) {
        if (!filter.blame(error)) fill(wrong, problem(error));
      }
      send.disabled = false;
    } });
    return [types, filter, old, wrong, h("div", { class: "buttons" }, button("Cancel", { onclick: close }), send)];
  }, { broad: true });
}
