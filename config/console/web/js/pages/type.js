// One event type.

import { h } from "../dom.js";
import { at, get } from "../api.js";
import { json } from "../format.js";
import { badge, card, codebox, facts, head, link, load } from "../ui.js";
import { publishHint } from "../rows.js";
import { to } from "../router.js";

export function page({ tenant, params, signal }) {
  return [
    head(params.type, { crumbs: [["Event types", to(tenant, ["types"])]], actions: [link("Its events", to(tenant, ["events"], { type: params.type }))] }),
    load(signal, async () => {
      try {
        return show(tenant, await get(at(tenant, "types", params.type), {}, signal));
      } catch (error) {
        if (error.status !== 404) throw error;
        return h("div", { class: "note" }, h("p", null, "This type is not in the catalogue: its events are delivered, and their data is not checked. To have it checked, define it with PUT /v1/tenants/", tenant, "/types/", params.type, "."));
      }
    }, { lines: 8 }),
  ];
}

function show(tenant, t) {
  const words = Object.entries(t.dialects ?? {}).map(([name, d]) => [name, h("span", { class: "mono" }, d.name)]);
  const example = t.valid?.[0];
  return h("div", { class: "stack" },
    card("Meaning", {}, h("div", { class: "stack" }, h("p", null, t.meaning), facts([
      ["Domain", t.domain], ["Defined", t.origin], ["Involves", t.involves?.length && h("span", { class: "chips" }, t.involves.map((p) => badge(p, "plain")))], ...words,
    ]))),
    h("div", { class: "grid2" },
      h("div", { class: "stack" },
        card("Schema of its data", {}, codebox(json(t.schema), { label: "Schema" })),
        example !== undefined && card("Publish one", {}, codebox(publishHint(tenant, t.type, JSON.stringify(example)), { label: "How to publish" }))),
      card("Examples", {}, h("div", { class: "stack" }, (t.valid ?? []).map((v, i) => codebox(json(v), { label: `Example ${i + 1}` }))))),
    t.invalid?.length > 0 && card("What is refused", {}, h("div", { class: "stack" }, t.invalid.map((bad, i) => h("div", { class: "stack" }, h("p", null, bad.error), codebox(json(bad.data), { copy: false, label: `Refused example ${i + 1}` }))))));
}
