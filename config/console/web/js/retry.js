// A retry schedule as a drawing.

import { h, svg } from "./dom.js";
import { rough, seconds } from "./format.js";

// parseSchedule reads "5s, 5m, 30m". Wrong names the first part that is none.
export function parseSchedule(text) {
  const delays = text.split(/[\s,]+/).filter(Boolean);
  const wrong = delays.find((delay) => Number.isNaN(seconds(delay)));
  return { delays, wrong };
}

// timeline draws when attempts are made, on a scale that shows seconds and days.
export function timeline(delays) {
  const times = [0];
  for (const delay of delays) times.push(times.at(-1) + seconds(delay));
  const end = times.at(-1);
  const scale = (t) => (end ? Math.log1p(t) / Math.log1p(end) : 0);
  const width = innerWidth < 700 ? 320 : 620;
  const x = (t) => 14 + scale(t) * (width - 28);
  let free = -1;
  const words = times.length === 1 ? "One attempt, and no other." : `${times.length} attempts, the last after ${rough(end)}.`;
  return h("figure", { class: "chart retry-line" },
    svg("svg", { viewBox: `0 0 ${width} 62`, preserveAspectRatio: "xMinYMid meet", role: "img", "aria-label": `${words} At ${times.map((t) => (t ? rough(t) : "once")).join(", ")}.` },
      svg("line", { class: "axis", x1: 14, x2: width - 14, y1: 26, y2: 26 }),
      times.map((t, i) => {
        const at = x(t);
        const room = at > free;
        if (room) free = at + 52;
        return [
          svg("circle", { class: i === 0 ? "fill-ok" : "fill-info", cx: at, cy: 26, r: 6 }, svg("title", null, `Attempt ${i + 1}: ${t ? `after ${rough(t)}` : "at once"}`)),
          room && svg("text", { x: at, y: 52, "text-anchor": i === 0 ? "start" : i === times.length - 1 ? "end" : "middle" }, t ? rough(t) : "at once"),
        ];
      })),
    h("figcaption", { class: "muted" }, words));
}
