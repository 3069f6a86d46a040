// An event type of the tenant's own: made, or changed. It may be in the place of one that
// others brought.

import { h, fill } from "../dom.js";
import { at, put, versioned } from "../api.js";
import { json } from "../format.js";
import { button, card, head, link, load, notAllowed, problem, toast } from "../ui.js";
import { blame, field, input, unblame } from "../forms.js";
import { jsonField } from "../jsonfield.js";
import { forget } from "../lookup.js";
import { go, to } from "../router.js";
import { mayDefine } from "../session.js";

const blank = {
  type: "", domain: "", meaning: "",
  schema: { type: "object", required: ["id"], properties: { id: { type: "string", minLength: 1, description: "What it is called." } }, additionalProperties: false },
  valid: [{ id: "p1" }], invalid: [{ data: { id: 1 }, error: "data/id" }],
};

// others are the members that few types have.
const others = ["dialects", "involves", "filters", "channel"];

export function page({ tenant, params, query, signal }) {
  const name = params.type ?? "";
  const crumbs = [["Event types", to(tenant, ["types"])], ...(name ? [[name, to(tenant, ["types", name])]] : [])];
  const top = head(name ? `Edit ${name}` : "New event type", { crumbs, text: "A type of this tenant's own: its events are held to the schema. It is hidden from other tenants." });
  if (!mayDefine()) return notAllowed("Event types", "To define types takes a token of the scope tenant:write.");
  if (!name) return [top, form(tenant, { ...blank, type: query.type ?? "" }, null)];
  return [top, load(signal, async () => {
    const { value, version } = await versioned(at(tenant, "types", name), signal);
    if (value.origin === "file") return h("div", { class: "note", role: "note" }, h("p", null, "tidings.yaml declares this type, and changes it. Edit the file that it names."));
    return form(tenant, value, version);
  }, { lines: 8 })];
}

function form(tenant, t, version) {
  const isNew = version === null;
  const name = field("Type", input({ name: "type", value: t.type, required: true, disabled: !isNew, pattern: "[a-zA-Z0-9_]+([.][a-zA-Z0-9_]+)*", placeholder: "parcel.sent" }), isNew ? "Words with dots between them. It cannot be changed." : "");
  const domain = field("Domain", input({ name: "domain", value: t.domain, required: true, pattern: "[a-zA-Z0-9_]+", placeholder: "parcels" }), "What it belongs to: one word.");
  const meaning = field("Meaning", input({ name: "meaning", value: t.meaning, required: true, placeholder: "A parcel was handed to the carrier." }), "One sentence: what has happened.");
  const schema = jsonField("Schema", json(t.schema), { name: "schema", rows: "14", check: object, hint: "JSON Schema 2020-12 of the data." });
  const valid = list("Example", t.valid, (value) => jsonExample(value), "Another example");
  const invalid = list("Refused example", t.invalid, (value) => refused(value), "Another that is refused");
  const rest = Object.fromEntries(others.filter((o) => t[o] !== undefined).map((o) => [o, t[o]]));
  const more = jsonField("The rest", Object.keys(rest).length ? json(rest) : "", { rows: "5", optional: true, check: known, hint: `For few types: an object with ${others.join(", ")}.` });
  const wrong = h("div");
  const send = button(isNew ? "Create the type" : "Save", { kind: "primary", type: "submit" });
  const place = (type) => to(tenant, ["types", type]);

  const node = h("form", { class: "stack", onsubmit: async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    fill(wrong);
    unblame(node);
    const [s, examples, counter, extra] = [schema.read(), valid.read(), invalid.read(), more.read()];
    if ([s, examples, counter, extra].includes(undefined)) return; // nothing is sent: it is said at its field
    send.disabled = true;
    const type = isNew ? name.control.value.trim() : t.type;
    const definition = { type, domain: domain.control.value.trim(), meaning: meaning.control.value.trim(), ...extra, schema: s, valid: examples, invalid: counter };
    try {
      await put(at(tenant, "types", type), definition, isNew ? { "If-None-Match": "*" } : { "If-Match": version });
      forget();
      toast(isNew ? "The type is made." : "The type is changed.");
      go(place(type));
    } catch (error) {
      explain(error);
    }
    send.disabled = false;
  } },
  card("What it is", {}, h("div", { class: "form" }, h("div", { class: "pair" }, name, domain), meaning)),
  h("div", { class: "grid2" },
    card("Schema of its data", {}, h("div", { class: "form" }, schema)),
    h("div", { class: "stack" }, card("Examples", { text: "They prove the schema: each has to pass." }, valid),
      card("What is refused", { text: "Each has to fail, with these words in the reason." }, invalid))),
  card(null, { label: "The rest" }, h("div", { class: "form" }, more)),
  wrong, h("div", { class: "row" }, send, link("Cancel", isNew ? to(tenant, ["types"]) : place(t.type), "quiet")));

  function explain(error) {
    if (error.status === 412) error.message = isNew ? "The tenant has a type of its own by this name already: edit that one." : "Somebody else has changed this type meanwhile. Copy what you have written, load this page anew, and put it in again.";
    const nth = Number(/(?:valid|invalid)\/([0-9]+)/.exec(error.message)?.[1] ?? 0);
    const group = { valid, invalid }[error.field];
    if (group?.blame(nth, error.message)) return;
    if (others.includes(error.field)) {
      more.tell(error.message);
      return more.control.focus();
    }
    if (!blame(node, error)) fill(wrong, problem(error));
  }
  return node;
}

const object = (value) => (value === null || typeof value !== "object" || Array.isArray(value) ? "Write an object, like {\"type\": \"object\"}." : "");

function known(value) {
  const odd = object(value) || Object.keys(value).find((member) => !others.includes(member));
  if (!odd) return "";
  return odd.startsWith("Write") ? odd : `“${odd}” is none of ${others.join(", ")}: the other members have fields of their own.`;
}

function jsonExample(value) {
  const data = jsonField("Data", value === undefined ? "{}" : json(value), { rows: "5" });
  return { node: data, first: data, read: data.read };
}

// refused is data that breaks the schema, and words of the reason.
function refused(value) {
  const data = jsonField("Data", json(value?.data ?? {}), { rows: "4" });
  const words = field("The reason has", input({ value: value?.error ?? "data" }), "Part of the reason, like data/id.");
  return {
    node: h("div", { class: "form" }, data, words), first: words,
    read: () => {
      const read = data.read();
      return read === undefined ? undefined : { data: read, error: words.control.value.trim() || "data" };
    },
  };
}

// list is several of the same, of which one at least stays. read() is undefined if one of
// them cannot be read.
function list(label, values, make, another) {
  let items = [];
  const box = h("div", { class: "stack" });
  const draw = () => fill(box, items.map((item, i) => h("div", { class: "stack", role: "group", "aria-label": `${label} ${i + 1}` }, item.node,
    items.length > 1 && h("div", null, button("Take it away", { size: "small", title: `Take away ${label} ${i + 1}`, onclick: () => {
      items = items.filter((other) => other !== item);
      draw();
    } })))), h("div", null, button(another, { size: "small", glyph: "plus", onclick: () => {
    items.push(make());
    draw();
    items.at(-1).first.control.focus();
  } })));
  items = (values?.length ? values : [undefined]).map((value) => make(value));
  draw();
  box.read = () => {
    const read = items.map((item) => item.read());
    return read.includes(undefined) ? undefined : read;
  };
  box.blame = (n, words) => {
    const one = items[n]?.first;
    one?.tell(words);
    one?.control.focus();
    return Boolean(one);
  };
  return box;
}
