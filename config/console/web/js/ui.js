// Parts that every page is made of.

import { h, fill, say } from "./dom.js";
import { ago, when } from "./format.js";
import { icon } from "./icons.js";

export function button(label, { kind = "", size = "", glyph, onclick, type = "button", disabled, title } = {}) {
  return h("button", { type, class: `button ${kind} ${size}`.trim(), onclick, disabled, "aria-label": title }, glyph && icon(glyph), label);
}

export const link = (label, href, kind = "", glyph = "") => h("a", { class: `button ${kind}`.trim(), href }, glyph && icon(glyph), label);

export const badge = (text, kind = "") => h("span", { class: `badge ${kind}`.trim() }, text);

const statusKinds = {
  delivered: "ok", active: "ok", done: "ok", waiting: "info", running: "info", pending: "info",
  retrying: "warn", retry: "warn", paused: "warn", dead: "bad", disabled: "bad", failed: "bad",
};

// status is a badge of a state the API names.
export const status = (word) => badge(word, statusKinds[word] ?? "");

// head begins a page. Its heading gets the focus when the page opens.
export function head(title, { text, crumbs = [], actions = [], marks = [] } = {}) {
  return h("header", { class: "head" },
    h("div", { class: "words" },
      crumbs.length > 0 && h("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, crumbs.map(([label, href], i) => [i > 0 && " / ", h("a", { href }, label)])),
      h("div", { class: "row" }, h("h1", { tabindex: "-1" }, title), marks),
      text && h("p", null, text)),
    actions.length > 0 && h("div", { class: "actions" }, actions));
}

// notAllowed is in the place of a page or a form that the token is not for.
export const notAllowed = (title, text) => [head(title), card(null, { label: title }, empty("Your token may not do that", text))];

// card is a titled part of a page. flush has no padding, for tables.
export function card(title, { text, actions, flush, label } = {}, ...children) {
  return h("section", { class: flush ? "card flush" : "card", "aria-label": label ?? title ?? undefined },
    title && h("div", { class: "title" }, h("div", null, h("h2", null, title), text && h("p", null, text)), actions && h("div", { class: "actions" }, actions)),
    children);
}

export const facts = (pairs) => h("dl", { class: "facts" },
  pairs.filter((pair) => pair && pair[1] !== undefined && pair[1] !== null && pair[1] !== false && pair[1] !== "").map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));

// time is a moment, with the exact one for whoever asks.
export function time(text, relative = false) {
  if (!text) return "";
  return h("time", { datetime: text, title: new Date(text).toISOString() }, relative ? ago(text) : when(text));
}

// empty says what is not there, and teaches the next step.
export function empty(title, text, ...more) {
  return h("div", { class: "empty" }, h("h3", null, title), text && h("p", null, text), more);
}

// codebox shows text as it is, to copy. Several lines are code, which is not wrapped.
export function codebox(text, { copy = true, label = "Code" } = {}) {
  return h("div", { class: "codewrap" },
    h("pre", { class: text.includes("\n") ? "codebox lines" : "codebox", tabindex: "0", role: "region", "aria-label": label }, text),
    copy && copyButton(() => text));
}

export function copyButton(read, label = "Copy") {
  const made = button(label, { size: "small", glyph: "copy", onclick: async () => {
    let text;
    try {
      text = await read();
    } catch (error) {
      return toast(error.message, "bad");
    }
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.");
    } catch {
      toast("The browser did not let it be copied: select the text and copy it yourself.", "bad");
    }
    return undefined;
  } });
  return made;
}

export function toast(text, kind = "") {
  const node = h("div", { class: `toast ${kind}`.trim() }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "bad" ? 9000 : 4500);
}

// problem shows what the API says to do.
export function problem(error, retry) {
  const names = error.field && (error.message.startsWith(error.field) || error.message.includes(`: ${error.field}`));
  const field = error.field && !names ? `${error.field}: ` : "";
  const title = { 0: "No answer", 403: "Not allowed", 404: "Not found", 409: "Not possible now", 429: "Too many requests", 503: "Not available" }[error.status] ?? "That did not work";
  return h("div", { class: "problem", role: "alert" },
    h("div", { class: "said" }, h("strong", null, title), `${field}${error.message}`),
    retry && button("Try again", { onclick: retry }));
}

export const bones = (lines = 3) => h("div", { class: "bones", "aria-hidden": "true" },
  Array.from({ length: lines }, (_, i) => h("div", { class: "bone", css: { width: `${[92, 70, 84, 55, 78][i % 5]}%` } })));

// load shows bones until make's node is there, and what went wrong if it does not
// come. It gives up when the page is left.
export function load(signal, make, { lines = 3 } = {}) {
  const box = h("div", { class: "load" });
  let failed = false;
  const run = async () => {
    box.setAttribute("aria-busy", "true");
    fill(box, bones(lines));
    failed = false;
    try {
      const made = await make(signal);
      if (!signal.aborted) fill(box, made);
    } catch (error) {
      failed = true;
      if (!signal.aborted) fill(box, problem(error, run));
    }
    box.removeAttribute("aria-busy");
  };
  box.reload = run;
  // renew does it again unseen: what is there stays until there is something else, if the
  // focus is in it, and if nothing comes.
  box.renew = async () => {
    if (box.hasAttribute("aria-busy")) return;
    if (failed) return void await run();
    try {
      const made = h("div", { class: "load" }, await make(signal));
      if (!signal.aborted && !made.isEqualNode(box) && !box.contains(document.activeElement)) fill(box, [...made.childNodes]);
    } catch { /* the next time */ }
  };
  run();
  return box;
}

// act does what a button asks for, once at a time, and tells how it ended.
export async function act(made, work, done) {
  made.disabled = true;
  try {
    const result = await work();
    if (done) {
      toast(done);
      say(done);
    }
    return result;
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  } finally {
    made.disabled = false;
  }
}
