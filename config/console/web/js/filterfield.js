// The filter of a subscription, checked by the server while it is written.

import { h, fill } from "./dom.js";
import { at, post } from "./api.js";
import { after, area, field, input, plain, select, Wrong } from "./forms.js";
import { parseJSON } from "./json.js";

const kinds = [["", "None: every event of the types"], ["cel", "CEL expression"], ["sql", "CloudEvents SQL"], ["exact", "A value is exactly"], ["prefix", "A value begins with"], ["suffix", "A value ends with"], ["json", "Filters as JSON"]];
const hints = {
  cel: 'Over attributes and data, like data.amount > 100 && source == "/shop".',
  sql: "Over attributes, like subject LIKE 'customer/%'.",
  json: 'A list, all of which must hold, like [{"any": [{"exact": {"subject": "a"}}, {"cel": "data.vip"}]}].',
};

// filterField asks for a filter. types gives the patterns and dialect it is for. Its
// read() gives the filters for the API and throws if they cannot be sent.
export function filterField(tenant, about, signal) {
  const kind = select(kinds, "", { name: "filter-kind" });
  const text = field("Expression", area({ rows: "3", "data-filter": "text" }));
  const name = field("Attribute or place in the data", input({ placeholder: "subject or /user/id" }), "A JSON Pointer begins with /.");
  const value = field("Value", input({}));
  const pair = h("div", { class: "form" }, h("div", { class: "pair" }, name, value));
  const verdict = h("div", { class: "field", role: "status" });
  const check = after(350, run);
  let asked = 0;

  function show() {
    const written = ["cel", "sql", "json"].includes(kind.value);
    text.hidden = !written;
    pair.hidden = written || kind.value === "";
    text.tell("");
    if (written) fill(text.querySelector(".hint"), hints[kind.value]);
    fill(verdict);
    check();
  }

  function read() {
    const k = kind.value;
    if (k === "") return [];
    if (k === "cel" || k === "sql") return text.control.value.trim() ? [{ [k]: text.control.value }] : [];
    if (k === "json") return text.control.value.trim() ? parsed(text.control.value) : [];
    return name.control.value.trim() ? [{ [k]: { [name.control.value.trim()]: value.control.value } }] : [];
  }

  // said leaves out the place where this form has put the filter: only in filters written
  // as JSON a place tells something.
  const said = (error) => (kind.value === "json" ? error.message : plain(error));

  function judge(words, sort) {
    if (!text.hidden) text.tell(words && sort === "wrong" ? words : "");
    if (!text.hidden && sort === "wrong") return void fill(verdict);
    fill(verdict, words && h("div", { class: sort === "wrong" ? "wrong" : "fine" }, words));
  }

  async function run() {
    const mine = ++asked;
    const tell = (words, sort) => {
      if (mine === asked) judge(words, sort);
    };
    let filters;
    try {
      filters = read();
    } catch (error) {
      return tell(error.message, "wrong");
    }
    const { types, dialect } = about();
    if (!filters.length) return tell("");
    if (!types.length) return tell("Choose event types first: data is judged by their schemas.", "fine");
    try {
      await post(at(tenant, "subscriptions", "check"), { types, dialect, filters }, signal);
      tell("The filter is valid for these types.", "fine");
    } catch (error) {
      if (signal.aborted || error.status === 404 || error.status === 405) return tell(""); // it is checked when it is sent
      tell(said(error), error.status === 400 || error.status === 409 ? "wrong" : "fine");
    }
  }

  kind.addEventListener("change", show);
  for (const one of [text, name, value]) one.control.addEventListener("input", check);
  const node = h("div", { class: "stack" }, field("Filter", kind), text, pair, verdict);
  node.read = read;
  node.check = check;
  // blame says here what the API says of the filter, once; false if it is about something else.
  node.blame = (error) => {
    if (!error.field?.startsWith("filters")) return false;
    asked++; // what is still asked for says no more
    judge(said(error), "wrong");
    (text.hidden ? name : text).control.focus();
    return true;
  };
  show();
  return node;
}

function parsed(text) {
  try {
    return parseJSON(text);
  } catch (error) {
    throw new Wrong("filters", error.message);
  }
}
