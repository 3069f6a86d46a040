// Small drawings. They say nothing that words beside them do not.

import { svg } from "./dom.js";

const paths = {
  overview: "M2 9h3l2-5 3 9 2-4h2",
  endpoints: "M8 2v4m0 4v4M2 8h4m4 0h4M8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  deliveries: "M2 4h9M2 8h6m-6 4h9m0-7l3 3-3 3",
  events: "M9 1.5L3 9h4l-1 5.5L13 7H8.5z",
  types: "M2.5 3h11v10h-11zM2.5 6.5h11M6 6.5V13",
  dead: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 9h5.8l.6-9",
  replays: "M3 8a5 5 0 1 1 1.6 3.7M3 12.5V9.4h3",
  tenants: "M2.5 13.5v-9l5-2.5v11.5m0-8l6 2v6M1.5 13.5h13",
  tokens: "M9.5 6.5a3 3 0 1 0-2.6 3l1.1 1.1h1.5v1.5H11v1.5h2.5v-2.4L9.3 7.4",
  settings: "M2 4.5h7m4 0h1M2 11.5h1m4 0h7M11 3v3M5 10v3",
  audit: "M4 1.5h6l3 3v10H4zM6 7h5m-5 3h5",
  erasures: "M6 13.5h7.5M3 9.5l6-6.5 4 4-6 6.5H5.5zM6 6.2l4 4",
  menu: "M2 4h12M2 8h12M2 12h12",
  plus: "M8 3v10M3 8h10",
  theme: "M8 1.5a6.5 6.5 0 1 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13",
  out: "M6 2.5H3v11h3m4-9L13.5 8 10 11.5M13 8H6",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: paths[name], fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round" }));
}
