// Choosing event types: from the catalogue, by search, or as a pattern.

import { h, fill } from "./dom.js";
import { button, problem } from "./ui.js";
import { chips, field, input } from "./forms.js";
import { types } from "./lookup.js";

// typePicker calls changed when what is chosen changes. chosen() are the patterns.
export function typePicker(tenant, changed) {
  const chosen = new Set();
  let all = [];
  const list = h("ul", { class: "picker", "aria-label": "Types of the catalogue", tabindex: "0" }, h("li", null, "Reading the catalogue…"));
  const taken = h("div");
  const find = input({ type: "search", placeholder: "Search, or write a pattern like order.* and press Enter", "aria-label": "Search event types, or write a pattern" });
  const add = button("Add the pattern", { size: "small", onclick: () => written() });

  function toggle(name, on) {
    if (on) chosen.add(name);
    else chosen.delete(name);
    drawChosen();
    changed();
  }
  function drawChosen() {
    fill(taken, chosen.size ? chips([...chosen], "Chosen types", (name) => {
      toggle(name, false);
      draw();
    }) : h("span", { class: "muted" }, "None chosen yet."));
  }
  function draw() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => words.every((w) => text.toLowerCase().includes(w));
    const found = all.filter((t) => has(`${t.type} ${t.domain} ${t.meaning}`));
    const named = found.filter((t) => has(t.type)); // what is called so comes before what only speaks of it
    const shown = [...named, ...found.filter((t) => !named.includes(t))].slice(0, 200);
    add.hidden = !find.value.trim();
    const row = (name, about) => h("li", null, h("label", null,
      h("input", { type: "checkbox", value: name, prop: { checked: chosen.has(name) }, onchange: (event) => toggle(name, event.target.checked) }),
      h("span", { class: "mono" }, name), about && h("span", { class: "sub" }, about)));
    fill(list, !words.length && row("*", "Everything, also types to come"), shown.map((t) => row(t.type, t.meaning)),
      !shown.length && words.length > 0 && h("li", { class: "muted" }, "No type of the catalogue is like that. A pattern may name others."));
  }
  function written() {
    const name = find.value.trim();
    if (!name) return;
    find.value = "";
    toggle(name, true);
    draw();
  }
  find.addEventListener("input", draw);
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    written();
  });
  types(tenant).then((found) => {
    all = found;
    draw();
  }, (error) => fill(list, h("li", null, problem(error))));
  drawChosen();
  draw();
  const node = h("fieldset", { class: "stack" }, h("legend", null, "Event types"), taken, h("div", { class: "row" }, h("div", { class: "field", css: { flex: "1 1 260px" } }, find), add), list);
  node.chosen = () => [...chosen];
  return node;
}
