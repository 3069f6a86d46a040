// One event type.

import { h, fill } from "../dom.js";
import { at, remove, versioned } from "../api.js";
import { json } from "../format.js";
import { badge, button, card, codebox, empty, facts, head, link, load, toast } from "../ui.js";
import { ask } from "../forms.js";
import { forget } from "../lookup.js";
import { publishHint } from "../rows.js";
import { go, to } from "../router.js";
import { mayDefine, personal } from "../session.js";

export function page({ tenant, params, signal }) {
  const actions = h("div", { class: "actions" });
  return [
    head(params.type, { crumbs: [["Event types", to(tenant, ["types"])]], actions: [actions, !personal() && link("Its events", to(tenant, ["events"], { type: params.type }))] }),
    load(signal, async () => {
      fill(actions);
      try {
        const { value, version } = await versioned(at(tenant, "types", params.type), signal);
        fill(actions, steps(tenant, value, version));
        return show(tenant, value);
      } catch (error) {
        if (error.status !== 404) throw error;
        return undefinedType(tenant, params.type);
      }
    }, { lines: 8 }),
  ];
}

function undefinedType(tenant, name) {
  return card(null, { label: "Not defined" }, empty("This type is not in the catalogue", "Its events are delivered, and their data is not checked. Define it to have it checked.",
    mayDefine() && link("Define it", to(tenant, ["new-type"], { type: name }), "primary", "plus")));
}

// steps are what may be done to a type: a tenant's own is changed, any other is replaced
// for this tenant.
function steps(tenant, t, version) {
  if (!mayDefine() || t.origin === "file") return [];
  const edit = to(tenant, ["types", t.type, "edit"]);
  if (t.origin !== "tenant") return [link("Make it your own", edit)];
  const gone = () => ask(`Remove ${t.type}?`, {
    text: "If Tidings or a shared file brings a type of this name, that one holds again. Else the events of this type are delivered unchecked.", go: "Remove", kind: "danger",
    work: () => remove(at(tenant, "types", t.type), { "If-Match": version }),
    done: () => {
      forget();
      toast("The type is removed.");
      go(to(tenant, ["types"]));
    },
  });
  return [link("Edit", edit), button("Remove", { kind: "danger", onclick: gone })];
}

function show(tenant, t) {
  const words = Object.entries(t.dialects ?? {}).map(([name, d]) => [name, h("span", { class: "mono" }, d.name)]);
  const example = t.valid?.[0];
  return h("div", { class: "stack" },
    card("Meaning", {}, h("div", { class: "stack" }, h("p", null, t.meaning), facts([
      ["Domain", t.domain], ["Defined", { builtin: "by Tidings", shared: "by a file for all tenants", tenant: "by this tenant, here", file: "by this tenant, in tidings.yaml" }[t.origin] ?? t.origin], ["Involves", t.involves?.length && h("span", { class: "chips" }, t.involves.map((p) => badge(p, "plain")))], ...words,
    ]))),
    h("div", { class: "grid2" },
      h("div", { class: "stack" },
        card("Schema of its data", {}, codebox(json(t.schema), { label: "Schema" })),
        example !== undefined && card("Publish one", {}, codebox(publishHint(tenant, t.type, JSON.stringify(example)), { label: "How to publish" }))),
      card("Examples", {}, h("div", { class: "stack" }, (t.valid ?? []).map((v, i) => codebox(json(v), { label: `Example ${i + 1}` }))))),
    t.invalid?.length > 0 && card("What is refused", {}, h("div", { class: "stack" }, t.invalid.map((bad, i) => h("div", { class: "stack" }, h("p", null, bad.error), codebox(json(bad.data), { copy: false, label: `Refused example ${i + 1}` }))))));
}
