// A field for JSON, which says while it is written where it does not parse.

import { after, area, field } from "./forms.js";
import { parseJSON } from "./json.js";

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
