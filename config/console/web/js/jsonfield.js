// A field for JSON, which says while it is written where it does not parse.

import { after, area, field } from "./forms.js";

// parseJSON reads a text. What it throws says where it is wrong, by line and column.
export function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(where(text, error.message), { cause: error });
  }
}

// where words the complaint of the browser, which each begins and ends differently.
function where(text, said) {
  const what = said.replace(/^JSON\.parse: /, "").replace(/,? in JSON at position [0-9]+.*$/s, "").replace(/ at line [0-9]+ column [0-9]+.*$/s, "").replace(/, ?(?:\.\.\.)?".*" is not valid JSON$/s, "");
  let at = Number(/at position ([0-9]+)/.exec(said)?.[1] ?? NaN);
  if (/end of (JSON|data)/i.test(said) || !text.trim()) at = text.trimEnd().length;
  const line = Number(/line ([0-9]+) column/.exec(said)?.[1] ?? NaN);
  if (Number.isNaN(at) && Number.isNaN(line)) return `This is not JSON: ${what}.`;
  const before = Number.isNaN(at) ? "" : text.slice(0, at);
  const row = Number.isNaN(at) ? line : before.split("\n").length;
  const column = Number.isNaN(at) ? Number(/column ([0-9]+)/.exec(said)[1]) : at - before.lastIndexOf("\n");
  return `This is not JSON: line ${row}, column ${column}: ${what}.`;
}

// jsonField is a field whose read() gives the value, or undefined after it has said what
// is wrong with the text and gone there. check(value) may say what is wrong with the value.
export function jsonField(label, text, { hint = "", name, rows = "6", check, optional } = {}) {
  const node = field(label, area({ name, rows }, text), hint);
  function judge() {
    const written = node.control.value;
    if (optional && !written.trim()) return { value: null };
    try {
      const value = parseJSON(written);
      const wrong = check?.(value);
      return wrong ? { wrong } : { value };
    } catch (error) {
      return { wrong: error.message };
    }
  }
  const look = after(350, () => node.tell(judge().wrong ?? ""));
  node.control.addEventListener("input", look);
  node.read = () => {
    const { value, wrong } = judge();
    node.tell(wrong ?? "");
    if (wrong === undefined) return value;
    node.control.focus();
    return undefined;
  };
  return node;
}
