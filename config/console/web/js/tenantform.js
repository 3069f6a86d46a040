// What is set of a tenant: made, and changed.

import { at, patch, post, remove } from "./api.js";
import { bytes, parseBytes, seconds } from "./format.js";
import { button, toast } from "./ui.js";
import { ask, askTyped, field, input, select, Wrong } from "./forms.js";
import { forget } from "./lookup.js";
import { may } from "./session.js";

// validations are what becomes of data that breaks its type's schema.
export const validations = { reject: "is refused", quarantine: "becomes a dead letter", warn: "is delivered and logged" };

// members are the parts of a tenant that are numbers or lengths: how each is read of what
// is written, and said of what it is. An empty field is the operator's default.
const members = {
  "quota.events": { label: "Events published", hint: "Over HTTP, like 1000/s or 600/m.", placeholder: "1000/s" },
  "quota.stored_bytes": {
    label: "Stored events", hint: "The room they may take, like 10 GB.", placeholder: "10 GB", show: (n) => (Number.isInteger(n / 2 ** 20) ? bytes(n) : String(n)),
    read: (text) => whole(parseBytes(text), `“${text}” is no size: write one like 10 GB, 512 MiB or 1000000.`),
  },
  "quota.endpoints": { label: "Endpoints", hint: "Made by the API.", placeholder: "50", read: count },
  "quota.held": { label: "Deliveries that wait", hint: "Before no more events are taken.", placeholder: "100000", read: count },
  "retention.events": { label: "Events are kept", hint: "At least 1h. It only shortens what the operator has set.", placeholder: "72h", read: length, show: short },
  "retention.log": { label: "The delivery log is kept", hint: "At least 1h.", placeholder: "720h", read: length, show: short },
};

function whole(n, otherwise) {
  if (Number.isSafeInteger(n) && n > 0) return n;
  throw new Error(otherwise);
}

function count(text) {
  return whole(Number(text.replaceAll(/[\s,_]/g, "")), `“${text}” is no number: write a whole one of 1 or more, or nothing for the operator's.`);
}

// length takes days too, which the API does not.
function length(text) {
  const days = /^([0-9]+)\s*d(ays?)?$/.exec(text);
  if (days) return `${Number(days[1]) * 24}h`;
  if (Number.isNaN(seconds(text))) throw new Error(`“${text}” is no length of time: write one like 72h or 30d.`);
  return text;
}

// short is a length without the parts that are zero: 72h of 72h0m0s.
function short(text) {
  return text.replace(/([hm])0s$/, "$1").replace(/h0m$/, "h");
}

const place = (t, name) => name.split(".").reduce((at, part) => at?.[part], t);

function fields(t) {
  const one = ([name, m]) => {
    const value = place(t, name);
    return field(m.label, input({ name, value: value === undefined ? "" : (m.show ?? String)(value), placeholder: m.placeholder }), `${m.hint} Empty for the operator's.`);
  };
  return [
    field("Name", input({ name: "name", maxlength: "255", value: t.name ?? "", placeholder: "Acme Inc." })),
    field("Data that breaks its type's schema", select(Object.entries(validations), t.validation ?? "reject", { name: "validation" })),
    ...Object.entries(members).map(one),
  ];
}

// changes is a merge patch of what the form has and the tenant has not: what somebody
// else changes meanwhile stays as they want it.
function changes(t, data) {
  const patched = {};
  const name = data.get("name").trim();
  if (name !== (t.name ?? "")) patched.name = name || null;
  if (data.get("validation") !== (t.validation ?? "reject")) patched.validation = data.get("validation");
  for (const [path, m] of Object.entries(members)) {
    const was = place(t, path);
    const text = data.get(path).trim();
    if (text === (was === undefined ? "" : (m.show ?? String)(was))) continue;
    const [group, member] = path.split(".");
    try {
      patched[group] = { ...patched[group], [member]: text ? (m.read ?? String)(text) : null };
    } catch (error) {
      throw new Wrong(path, error.message);
    }
  }
  return patched;
}

// editTenant is a button; nothing for whoever may not. A file's tenant is changed there.
export function editTenant(t, done, size = "") {
  if (!may("admin") || t.origin === "file") return null;
  return button("Edit", { size, title: size ? `Edit ${t.name || t.id}` : undefined, onclick: () => ask(`Edit ${t.name || t.id}`, {
    fields: fields(t), go: "Save", broad: true, grid: true,
    work: async (data) => {
      const wanted = changes(t, data);
      return Object.keys(wanted).length ? patch(at(t.id), wanted) : t;
    },
    done: () => {
      forget();
      toast("The tenant is changed.");
      done();
    },
  }) });
}

// deleteTenant is a button; nothing for whoever may not.
export function deleteTenant(t, done) {
  if (!may("admin") || t.origin === "file") return null;
  return button("Delete", { kind: "danger", onclick: () => askTyped(`Delete ${t.name || t.id}?`, {
    text: "The tenant goes with its endpoints, subscriptions, types and tokens. Events of it that are under way die.",
    label: "Write its id", word: t.id, go: "Delete",
    work: () => remove(at(t.id)),
    done: () => {
      forget();
      toast("The tenant is deleted.");
      done();
    },
  }) });
}

// newTenant asks for one. done gets what was made.
export function newTenant(done) {
  ask("New tenant", {
    fields: [
      field("Id", input({ name: "id", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", placeholder: "acme" }), "Small letters, digits, - and _. It cannot be changed."),
      ...fields({}),
    ],
    go: "Create", broad: true, grid: true,
    work: (data) => post("/v1/tenants", { id: data.get("id"), validation: data.get("validation"), ...changes({}, data) }),
    done: (made) => {
      forget();
      toast("The tenant is made.");
      done(made);
    },
  });
}
