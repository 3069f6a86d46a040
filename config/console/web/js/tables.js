// Tables with headers, which phones show as cards.

import { h, fill } from "./dom.js";
import { button, problem } from "./ui.js";

// table takes columns of {label, cell(row), right, sort(row)} and rows. A column with
// sort can be sorted by. Where it has no room for its columns each row becomes a card.
export function table(caption, columns, rows, { mark } = {}) {
  const body = h("tbody");
  const headers = columns.map((column) => header(column, () => sortBy(column)));
  let by = null;
  let down = false;

  function sortBy(column) {
    down = by === column ? !down : true;
    by = column;
    for (const [i, node] of headers.entries()) {
      if (columns[i].sort) node.setAttribute("aria-sort", columns[i] === by ? (down ? "descending" : "ascending") : "none");
    }
    draw();
  }

  function draw() {
    const sorted = by ? [...rows].sort((a, b) => compare(by.sort(a), by.sort(b)) * (down ? -1 : 1)) : rows;
    fill(body, sorted.map((row) => line(columns, row, mark)));
  }

  draw();
  const whole = h("table", null, h("caption", { class: "sr" }, caption), h("thead", null, h("tr", null, headers)), body);
  const node = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
  const room = columns.reduce((sum, column) => sum + (column.right ? 70 : 120), 0);
  // Whoever has no mouse scrolls it by the keyboard, where there is something to scroll.
  new ResizeObserver(() => {
    whole.classList.toggle("stacked", node.clientWidth < room);
    const wide = node.scrollWidth > node.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", caption]]) {
      if (wide) node.setAttribute(name, value);
      else node.removeAttribute(name);
    }
  }).observe(node);
  // add puts more rows at the end, or new ones first.
  node.add = (more, first = false) => {
    rows = first ? [...more, ...rows] : [...rows, ...more];
    if (by) return draw();
    const made = more.map((row) => line(columns, row, mark));
    if (first) {
      for (const tr of made) tr.classList.add("new");
      body.prepend(...made);
    } else body.append(...made);
  };
  // keep drops all rows but the first n.
  node.keep = (n) => {
    rows = rows.slice(0, n);
    while (body.children.length > n) body.lastChild.remove();
  };
  node.body = body;
  return node;
}

function header(column, sort) {
  const props = { scope: "col", class: column.right ? "right" : undefined };
  if (!column.sort) return h("th", props, column.label);
  return h("th", { ...props, "aria-sort": "none" }, h("button", { type: "button", onclick: sort }, column.label));
}

function line(columns, row, mark) {
  return h("tr", { "data-key": mark?.(row) },
    columns.map((column) => cell(column, row)));
}

// cell breaks words only where they are so long that no column should be as wide.
function cell(column, row) {
  const made = h("td", { class: column.right ? "right num" : undefined, "data-label": column.label }, h("div", null, column.cell(row)));
  if (made.textContent.split(/[\s.]+/).some((word) => word.length > 20)) made.classList.add("long");
  return made;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a ?? "").localeCompare(String(b ?? ""));
}

// paged is a table that reads on: more(cursor) gives {items, next}. none is shown if
// there is nothing at all.
export async function paged(caption, columns, more, { none, mark, label = "Older" } = {}) {
  const first = await more("");
  if (!first.items.length) return none;
  const list = table(caption, columns, first.items, { mark });
  let next = first.next;
  let count = first.items.length;
  const said = h("span", { role: "status" });
  const wrong = h("div");
  const on = button(label, { size: "small", onclick: async () => {
    on.disabled = true;
    fill(wrong);
    try {
      const page = await more(next);
      list.add(page.items);
      next = page.next;
      count += page.items.length;
      tell();
    } catch (error) {
      fill(wrong, problem(error));
    }
    on.disabled = false;
  } });
  function tell() {
    fill(said, next ? `The first ${count}` : `${count} in all`);
    on.hidden = !next;
  }
  tell();
  const node = h("div", null, list, wrong, h("div", { class: "pager" }, said, on));
  node.list = list;
  return node;
}
