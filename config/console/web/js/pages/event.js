// One event: who got it, and why others did not.

import { h, fill } from "../dom.js";
import { at, call, get } from "../api.js";
import { bytes, json } from "../format.js";
import { badge, button, card, empty, facts, head, load, problem, time } from "../ui.js";
import { area, field } from "../forms.js";
import { parseJSON } from "../json.js";
import { names, types } from "../lookup.js";
import { deliveryColumns, known } from "../rows.js";
import { table } from "../tables.js";
import { go, to } from "../router.js";
import { explain } from "../reasons.js";
import { mayDefine } from "../session.js";
import { eraseDialog } from "../eraseform.js";

export function page({ tenant, params, signal }) {
  return [
    head("Event", { crumbs: [["Events", to(tenant, ["events"])]], text: params.place }),
    load(signal, () => show(tenant, params.place, signal), { lines: 8 }),
  ];
}

async function show(tenant, place, signal) {
  const [e, called] = await Promise.all([get(at(tenant, "events", place), {}, signal), names(tenant)]);
  const erase = mayDefine() && e.id && button("Erase…", { kind: "danger", onclick: () => eraseDialog(tenant, { event: e.id, source: e.source }, { left: () => go(to(tenant, ["events"])) }) });
  return h("div", { class: "stack" },
    e.dead && h("div", { class: "note bad", role: "note" }, h("p", null, h("strong", null, explain(e.dead).text), e.detail && ` ${e.detail}`), h("p", null, h("strong", null, "What to do: "), explain(e.dead).todo)),
    card("What it is", { actions: erase ? [erase] : [] }, facts([
      ["Id", e.id && h("code", null, e.id)],
      ["Type", e.type && h("a", { href: to(tenant, ["types", e.type]), class: "mono" }, e.type)],
      ["Source", e.source], ["Subject", e.subject],
      ["Happened", e.time && time(e.time)], ["Accepted", time(e.accepted)],
      ["Data", e.size !== undefined && bytes(e.size)],
      ["Trace", e.trace && h("code", null, e.trace)],
      ["Endpoints", e.pending ? badge("not matched yet", "info") : String(e.matched)],
    ])),
    card("Who got it", { flush: true }, e.deliveries.length
      ? table("Deliveries of this event", deliveryColumns(tenant, called, { event: false }), e.deliveries)
      : empty(e.pending ? "It is being matched" : "Nobody", e.dead ? "It died before it was matched." : "No subscription matched it. Ask below which condition failed.")),
    e.id && card("Who would get it now, and why not the others", { text: "The log keeps neither data nor extension attributes of events. Put in what it had, to judge filters on those too." }, asker(tenant, e, called)));
}

// asker has the API explain the event, with data that the person gives.
function asker(tenant, e, called) {
  const data = field("Data", area({ name: "data", rows: "6" }, "{}"), "JSON. It begins as the example of its type, if there is one.");
  const more = field("Extension attributes", area({ name: "attributes", rows: "2" }, "{}"), "JSON, like {\"region\": \"eu\"}.");
  const answer = h("div", { "aria-live": "polite" });
  types(tenant).then((list) => {
    const example = list.find((t) => t.type === e.type)?.valid?.[0];
    if (example !== undefined && data.control.value === "{}") data.control.value = json(example);
  }, () => { /* {} it is */ });
  const go = button("Explain", { kind: "primary", type: "submit" });
  return h("form", { class: "form", onsubmit: async (event) => {
    event.preventDefault();
    const parsed = read(data);
    const attributes = read(more);
    if (parsed === undefined || attributes === undefined) return;
    go.disabled = true;
    try {
      const body = { ...attributes, specversion: "1.0", id: e.id, source: e.source, type: e.type, subject: e.subject, time: e.time, data: parsed };
      const said = await call("POST", at(tenant, "explain"), { body, type: "application/cloudevents+json" });
      fill(answer, explained(tenant, said.endpoints, called));
    } catch (error) {
      fill(answer, problem(error));
    }
    go.disabled = false;
  } }, data, more, h("div", null, go), answer);
}

// read is what is written in a field as JSON; undefined if it is none, which the field says.
function read(at) {
  try {
    const value = parseJSON(at.control.value || "null");
    at.tell("");
    return value;
  } catch (error) {
    at.tell(error.message);
    return undefined;
  }
}

function explained(tenant, list, called) {
  if (!list.length) return empty("No endpoint has a subscription", "Subscribe one to this type first.");
  return table("Who would get it", [
    { label: "Endpoint", cell: (x) => known(tenant, called, x.endpoint) },
    { label: "Gets it", cell: (x) => (x.matches ? badge("yes", "ok") : badge("no")) },
    { label: "Why", cell: (x) => [x.matches ? "All conditions hold." : h("span", null, x.condition && h("code", null, x.condition), x.condition && x.detail && ": ", x.detail),
      (x.notes ?? []).map((note) => h("span", { class: "sub" }, note.detail))] },
  ], list);
}
