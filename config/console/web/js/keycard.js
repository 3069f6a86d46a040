// The signing key of an endpoint, and how its receiver verifies with it.

import { h, fill } from "./dom.js";
import { get, post } from "./api.js";
import { button, card, codebox, copyButton, empty, load, problem, time, toast } from "./ui.js";
import { ask, dialog, field, input } from "./forms.js";
import { may } from "./session.js";
import { languages, snippet } from "./snippets.js";

const hidden = "•".repeat(24);

// keyCard shows keys when they are asked for: that somebody has seen them is noted in
// the audit list.
export function keyCard(path, e, signal) {
  const box = h("div");
  const list = () => fill(box, load(signal, () => keys(path, false, signal)));
  const rotate = may("write") && e.origin !== "file" && button("Rotate", { size: "small", glyph: "replays", onclick: () => turn(path, list) });
  fill(box, h("div", { class: "secret" }, h("code", null, hidden),
    button("Show", { size: "small", title: "Show the keys", onclick: () => fill(box, load(signal, () => keys(path, true, signal))) }),
    copyButton(async () => {
      const { items } = await get(`${path}/secrets`, {}, signal);
      if (!items.length) throw new Error("This endpoint has no key: nothing is signed. Rotate it to give it one.");
      return items[0].secret;
    })));
  return card("Signing key", { text: "The receiver verifies with it that a request is yours.", actions: rotate ? [rotate] : [] }, box);
}

async function keys(path, shown, signal) {
  const { items } = await get(`${path}/secrets`, {}, signal);
  if (!items.length) return empty("Nothing is signed", "This endpoint has no key. Rotate it to give it one.");
  return h("ul", { class: "stack" }, items.map((s, i) => one(s, i, shown)));
}

function one(s, i, shown) {
  const text = h("code", null, shown ? s.secret : hidden);
  const show = button(shown ? "Hide" : "Show", { size: "small", onclick: () => {
    const on = text.textContent === hidden;
    fill(text, on ? s.secret : hidden);
    fill(show, on ? "Hide" : "Show");
  } });
  return h("li", { class: "stack" },
    h("div", { class: "secret" }, text, show, copyButton(() => s.secret)),
    s.secret.startsWith("whsk_") && h("p", { class: "note warn" }, "This is a private key (ed25519). Its receivers get the public one, whpk_…, and never this."),
    i > 0 && h("p", { class: "muted" }, "An earlier key: it signs too, until ", s.expires ? time(s.expires) : "it is taken away", "."));
}

function turn(path, reload) {
  ask("Rotate the signing key", {
    text: "A new key is made. Until the overlap is over each delivery is signed with both, so that the receiver can change over in its own time.",
    fields: [
      field("Overlap", input({ name: "overlap", value: "24h" }), "Like 24h; at most 720h. 0s ends the old key at once."),
      field("New key", input({ name: "secret", placeholder: "made for you" }), "Only if the receiver gives you one."),
    ],
    go: "Rotate",
    work: (data) => post(`${path}/rotate`, { overlap: data.get("overlap").trim() || undefined, secret: data.get("secret").trim() || undefined }),
    done: (made) => {
      reload();
      if (!made.secret) return toast("The key is rotated.");
      dialog("The new key", (close) => [
        h("p", null, "Give it to the receiver before the overlap ends."), codebox(made.secret, { label: "New signing key" }),
        h("div", { class: "buttons" }, button("Done", { kind: "primary", onclick: close })),
      ]);
    },
  });
}

// verifyCard is code for the receiver, in the reader's language.
export function verifyCard(e, signal) {
  const code = h("div", { id: "snippet", class: "stack", role: "tabpanel", "aria-label": "Code to verify with" });
  let chosen = "node";
  try {
    chosen = localStorage.getItem("tidings.language") ?? chosen;
  } catch { /* the first one it is */ }
  if (!languages[chosen]) chosen = "node";
  const tabs = Object.entries(languages).map(([id, label]) => h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "snippet", onclick: () => choose(id) }, label));
  async function choose(id) {
    chosen = id;
    for (const tab of tabs) {
      const on = tab.id === `tab-${id}`;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
    try {
      localStorage.setItem("tidings.language", id);
    } catch { /* it is chosen again */ }
    try {
      const { text, note } = await snippet(e.dialect, id, signal);
      if (chosen === id) fill(code, note && h("p", { class: "muted" }, note), codebox(text, { label: `Verification in ${languages[id]}` }));
    } catch (error) {
      if (!signal.aborted) fill(code, problem(error, () => choose(id)));
    }
  }
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Language" }, tabs);
  list.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const next = tabs[(tabs.findIndex((t) => t === document.activeElement) + move + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
  choose(chosen);
  return card("Verify in the receiver", { text: "So that it takes nothing from a stranger." }, h("div", { class: "stack" }, list, code));
}
