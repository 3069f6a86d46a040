// Charts as drawings, each with the same figures as a table.

import { h, svg } from "./dom.js";
import { compact, when } from "./format.js";

const height = 170;
const left = 40;
const bottom = 20;
const top = 8;

// nice is a round number that is not below n.
function nice(n) {
  if (n <= 5) return Math.max(1, Math.ceil(n));
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 6, 8, 10].map((k) => k * unit).find((k) => k >= n);
}

// Both take the width that they are drawn for, in pixels: in a wider place their
// words become larger.

// fitting is the width, or what a phone has.
const fitting = (width) => (innerWidth < 700 ? Math.min(width, 360) : width);

// bars stacks series of {label, kind, value(point)} for points with a start.
export function bars(title, points, series, { format = compact, width: wanted = 640 } = {}) {
  const width = fitting(wanted);
  const most = nice(Math.max(1, ...points.map((p) => series.reduce((sum, s) => sum + s.value(p), 0))));
  const step = (width - left) / points.length;
  const y = (v) => top + (height - top - bottom) * (1 - v / most);
  const drawn = points.flatMap((p, i) => {
    let from = 0;
    return series.map((s) => {
      const v = s.value(p);
      if (!v) return null;
      const node = svg("rect", { class: `fill-${s.kind}`, x: left + i * step + step * 0.12, y: y(from + v), width: Math.max(1, step * 0.76), height: Math.max(0.8, y(from) - y(from + v)) },
        svg("title", null, `${when(p.start)}: ${format(v)} ${s.label}`));
      from += v;
      return node;
    });
  });
  return frame(title, points, series, { format, most, y, width }, drawn);
}

// lines draws one series as a line; a point without a value leaves a gap.
export function lines(title, points, series, { format = compact, width: wanted = 640 } = {}) {
  const width = fitting(wanted);
  const s = series[0];
  const values = points.map((p) => s.value(p));
  const most = nice(Math.max(1, ...values.filter((v) => v !== null)));
  const step = (width - left) / points.length;
  const y = (v) => top + (height - top - bottom) * (1 - v / most);
  const runs = [];
  for (const [i, v] of values.entries()) {
    if (v === null) continue;
    const place = [left + (i + 0.5) * step, y(v)];
    if (i > 0 && values[i - 1] !== null) runs.at(-1).push(place);
    else runs.push([place]);
  }
  const drawn = runs.flatMap((run) => {
    const path = run.map(([x, at], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${at.toFixed(1)}`).join("");
    if (run.length === 1) return [svg("circle", { class: "fill-info", cx: run[0][0], cy: run[0][1], r: 2.5 })];
    return [
      svg("path", { class: "area", d: `${path}L${run.at(-1)[0].toFixed(1)} ${y(0)}L${run[0][0].toFixed(1)} ${y(0)}Z` }),
      svg("path", { class: "line", d: path }),
    ];
  });
  return frame(title, points, series, { format, most, y, width }, drawn);
}

function frame(title, points, series, { format, most, y, width }, drawn) {
  const marks = [0, most / 2, most].filter((v) => Number.isInteger(v) || most > 10);
  const ticks = [0, Math.floor(points.length / 2), points.length - 1].filter((v, i, list) => v >= 0 && list.indexOf(v) === i);
  const step = (width - left) / points.length;
  const totals = series.map((s) => `${format(points.reduce((sum, p) => sum + (s.value(p) ?? 0), 0))} ${s.label}`);
  const text = series.length > 1 || series[0].total !== false ? `${title}: ${totals.join(", ")} in all.` : title;
  return h("figure", { class: "chart" },
    svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text },
      marks.map((v) => [
        svg("line", { class: "axis", x1: left, x2: width, y1: y(v), y2: y(v) }),
        svg("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, format(v)),
      ]),
      drawn,
      ticks.map((i) => svg("text", { x: left + (i + 0.5) * step, y: height - 4, "text-anchor": i === 0 ? "start" : i === points.length - 1 ? "end" : "middle" }, hour(points, i)))),
    series.length > 1 && h("figcaption", { class: "legend" }, series.map((s) => h("span", { class: s.kind }, s.label))),
    figures(title, points, series, format));
}

function hour(points, i) {
  const long = new Date(points.at(-1).start) - new Date(points[0].start) > 36 * 3600e3;
  const t = new Date(points[i].start);
  return long
    ? t.toLocaleDateString("en-GB", { day: "numeric", month: "short" })
    : t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

// figures is made when it is first opened: it is long.
function figures(title, points, series, format) {
  const details = h("details", null, h("summary", null, "Show the figures"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const rows = points.filter((p) => series.some((s) => s.value(p)));
    details.append(h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, figures` }, h("table", null,
      h("caption", { class: "sr" }, title),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "From"), series.map((s) => h("th", { scope: "col", class: "right" }, s.label)))),
      h("tbody", null, rows.length
        ? rows.map((p) => h("tr", null, h("td", null, when(p.start)), series.map((s) => h("td", { class: "right num" }, s.value(p) === null ? "–" : format(s.value(p))))))
        : h("tr", null, h("td", { colspan: String(series.length + 1) }, "Nothing happened in this time."))))));
  });
  return details;
}

// spark is a small chart of what was delivered and what was not, without axes.
export function spark(points, label) {
  const most = Math.max(1, ...points.map((p) => p.delivered + p.retried + p.dead));
  const step = 120 / points.length;
  return svg("svg", { class: "spark", viewBox: "0 0 120 22", role: "img", "aria-label": label },
    points.map((p, i) => {
      const good = (p.delivered / most) * 21;
      const bad = ((p.retried + p.dead) / most) * 21;
      const x = i * step;
      const w = Math.max(1, step - 1);
      return [
        !good && !bad && svg("rect", { class: "fill-none", x, y: 21, width: w, height: 1 }),
        good > 0 && svg("rect", { class: "fill-ok", x, y: 22 - good, width: w, height: good }),
        bad > 0 && svg("rect", { class: "fill-bad", x, y: 22 - good - bad, width: w, height: Math.max(1, bad) }),
      ];
    }));
}
