// Fields and dialogs.

import { h, fill, newID, append } from "./dom.js";
import { button, problem } from "./ui.js";

// field is a control with its label, and a hint or a reason why it is wrong.
export function field(label, control, hint = "") {
  const id = control.id || newID("field");
  control.id = id;
  const note = h("div", { class: "hint", id: `${id}-note` }, hint);
  control.setAttribute("aria-describedby", note.id);
  const node = h("div", { class: "field" }, h("label", { for: id }, label), control, note);
  // tell says that the control is wrong, fine or neither.
  node.tell = (text, kind = "wrong") => {
    control.toggleAttribute("aria-invalid", false);
    if (text && kind === "wrong") control.setAttribute("aria-invalid", "true");
    note.className = text ? kind : "hint";
    note.setAttribute("role", text && kind === "wrong" ? "alert" : "note");
    fill(note, text || hint);
  };
  node.control = control;
  return node;
}

export const input = (props = {}) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...props });
export const area = (props = {}, text = "") => h("textarea", { spellcheck: "false", ...props, prop: { value: text } });

// select takes [value, label] pairs.
export function select(options, value, props = {}) {
  return h("select", props, options.map(([v, label]) => h("option", { value: v, selected: v === value }, label)));
}

export function check(label, checked, props = {}) {
  const box = h("input", { type: "checkbox", ...props, prop: { checked: Boolean(checked) } });
  const node = h("label", { class: "check" }, box, label);
  return node;
}

// dialog opens a window over the page. make gets close and gives the nodes in it.
// Escape closes it, and the focus goes back to where it was.
export function dialog(title, make, { broad = false } = {}) {
  const id = newID("dialog");
  const node = h("dialog", { "aria-labelledby": id, class: broad ? "broad" : "" });
  const close = () => node.close();
  node.addEventListener("close", () => node.remove());
  append(node, [h("div", { class: "inner" }, h("h2", { id }, title), make(close))]);
  document.body.append(node);
  node.showModal();
  addEventListener("hashchange", close, { once: true });
  return node;
}

// unnamed leaves out the id of an endpoint, which may never have been.
export const unnamed = (message) => message.replace(/^endpoint ep_[^\s:]+: /, "");

// plain is what the API says, to stand at the field it is about: without the member's
// path, which the label says.
export function plain(error) {
  const said = unnamed(error.message);
  const path = error.field;
  if (!path || !said.startsWith(path)) return said;
  const rest = said.slice(path.length);
  if (rest.startsWith(": ")) return rest.slice(2);
  // A path of several parts is none of the words of a sentence; "name has 300 bytes" is one.
  return /[.[]/.test(path) && /^ \S/.test(rest) ? rest.replace(/^ (is )?/, "") : said;
}

// blame says at its control what is wrong with a field that the API names, like
// "policy.retry[1]" at the one called retry or policy.retry. It reports false if there
// is no such control.
export function blame(form, error) {
  const parts = (error.field ?? "").split(/\.|(?=\[)/);
  const names = parts.map((_, i) => parts.slice(0, i + 1).join("."));
  const last = parts.filter((part) => !part.startsWith("["));
  for (const name of [...names.reverse(), ...last.reverse()]) {
    const control = name && form.elements.namedItem(name);
    const node = control instanceof Element && !control.closest("[hidden]") ? control.closest(".field") : null;
    if (!node?.tell) continue;
    node.tell(plain(error));
    control.focus();
    return true;
  }
  return false;
}

// unblame takes back what blame has said.
export function unblame(form) {
  for (const control of form.querySelectorAll("[aria-invalid=true]")) control.closest(".field")?.tell?.("");
}

// Wrong is thrown by who reads a form: what is wrong with which of its fields.
export class Wrong extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

// whole reads a whole number of 1 or more, in the field of that name.
export function whole(name, text) {
  const n = Number(text.trim());
  if (Number.isSafeInteger(n) && n > 0) return n;
  throw new Wrong(name, `“${text}” is no whole number of 1 or more.`);
}

// ask has a person confirm, or fill in a form. work gets the form's data, and the
// dialog stays open with what went wrong if it fails, at the field that it is about.
export function ask(title, { text, fields = [], go = "OK", kind = "primary", work, done, broad, grid }) {
  dialog(title, (close) => {
    const wrong = h("div");
    const send = button(go, { kind, type: "submit" });
    const form = h("form", { class: "stack", onsubmit: async (event) => {
      event.preventDefault();
      if (send.disabled) return;
      send.disabled = true;
      fill(wrong);
      unblame(form);
      try {
        const result = await work(new FormData(form));
        close();
        done?.(result);
      } catch (error) {
        if (!blame(form, error)) fill(wrong, problem(error));
      }
      send.disabled = false;
    } }, text && h("p", null, text), grid ? h("div", { class: "pair" }, fields) : fields, wrong,
    h("div", { class: "buttons" }, button("Cancel", { onclick: close }), send));
    form.style.padding = "0";
    return form;
  }, { broad });
}

// askTyped has a person write a word before what cannot be undone is done.
export function askTyped(title, { text, label, word, go, work, done }) {
  ask(title, {
    fields: [h("div", { class: "note bad", role: "note" }, h("p", null, h("strong", null, "This cannot be undone. "), text)), field(label, input({ name: "typed", required: true }))],
    go, kind: "danger", done,
    work: async (data) => {
      if (data.get("typed").trim() !== word) throw new Wrong("typed", "It is not the same: nothing was done.");
      return work();
    },
  });
}

// chips is a list of words that can be taken away.
export function chips(list, label, onremove) {
  return h("ul", { class: "chips", "aria-label": label }, list.map((word) => h("li", { class: "chip" }, word,
    h("button", { type: "button", "aria-label": `Remove ${word}`, onclick: () => onremove(word) }, "×"))));
}

// after calls do once nothing was asked for milliseconds.
export function after(milliseconds, work) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), milliseconds);
  };
}
