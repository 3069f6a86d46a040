// A live picture of the pipe.

import { h, fill, svg } from "../dom.js";
import { at, get } from "../api.js";
import { compact, duration, number, percent, rough, seconds } from "../format.js";
import { badge, card, codebox, empty, head, link, load, status, time } from "../ui.js";
import { bars, lines } from "../charts.js";
import { counts, names, sum } from "../lookup.js";
import { pause, watch } from "../live.js";
import { dotted, known, publishHint, result } from "../rows.js";
import { table } from "../tables.js";
import { to } from "../router.js";
import { may } from "../session.js";

const ranges = { "1h": [3600, "1m", "the last hour", "Hour"], "24h": [86_400, "15m", "the last 24 hours", "24 hours"], "7d": [604_800, "2h", "the last 7 days", "7 days"] };

export function page({ tenant, query, signal }) {
  const range = ranges[query.range] ? query.range : "1h";
  const state = h("span", { class: "live", role: "status" }, "Connecting");
  const picture = flow(ranges[range][2]);
  const pick = h("nav", { class: "tabs", "aria-label": "Time" }, Object.entries(ranges).map(([name, [, , , label]]) => h("a", { href: to(tenant, ["overview"], { range: name }), "aria-current": name === range && "true" }, label)));
  const newest = feed(tenant);
  const queues = longest(tenant);
  const charts = load(signal, () => drawCharts(tenant, range, picture, signal), { lines: 6 });
  const failing = load(signal, () => worst(tenant, range, signal));
  refresh(tenant, picture, charts, failing, signal);
  pause(1500, signal).then(() => !picture.streams && !signal.aborted && waiting(tenant, picture, signal)).catch(() => { /* the next time */ });
  watch(tenant, signal, {
    overview: (data) => {
      picture.live(data);
      queues.show(data.endpoints ?? []);
    },
    attempt: newest.add,
    state: (word) => {
      state.classList.toggle("on", word === "live");
      const said = { live: "Live", polling: "Asks every 3 seconds", away: "No connection: trying again" }[word];
      if (state.textContent !== said) fill(state, said);
    },
  });
  return [
    head("Overview", { marks: [state], actions: [pick] }),
    picture,
    queues,
    charts,
    h("div", { class: "grid2 wide-left" },
      card("Newest deliveries", { flush: true, actions: [link("All", to(tenant, ["deliveries"]), "small")] }, newest),
      card("Endpoints that fare worst", { text: `In ${ranges[range][2]}`, flush: true }, failing)),
  ];
}

// flow is the picture: what came in, what it became, and what waits.
function flow(during) {
  const stage = (name) => {
    const value = h("div", { class: "value" }, "–");
    const rate = h("div", { class: "rate" });
    return { node: h("div", { class: "stage" }, h("div", { class: "name" }, name), value, rate), value, rate };
  };
  const stat = (name, kind) => {
    const value = h("div", { class: "value" }, "–");
    const rate = h("div", { class: "rate" });
    return { node: h("div", { class: `stat ${kind}` }, h("div", { class: "name" }, name), value, rate), value, rate };
  };
  const pipes = [0, 1].map(() => svg("svg", { class: "pipe", viewBox: "0 0 40 14", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d: "M4 7H36" })));
  const parts = { accepted: stage("Events accepted"), matched: stage("Deliveries matched"), delivered: stage("Delivered") };
  const more = { retried: stat("Attempts retried", "warn"), dead: stat("Given up", "bad"), waiting: stat("Waiting now", "info"), oldest: stat("Oldest of them", "info") };
  const node = h("section", { class: "stack", "aria-label": `The pipe in ${during}` },
    h("div", { class: "flow" }, parts.accepted.node, pipes[0], parts.matched.node, pipes[1], parts.delivered.node),
    h("div", { class: "grid3" }, Object.values(more).map((part) => part.node)));
  let before = null;

  node.totals = (total) => {
    for (const name of ["accepted", "matched", "delivered"]) fill(parts[name].value, compact(total[name]));
    for (const name of ["retried", "dead"]) fill(more[name].value, compact(total[name]));
    fill(parts.delivered.rate, parts.delivered.moving ?? (total.attempts ? `${percent(total.delivered, total.attempts)} of attempts` : ""));
  };
  node.waiting = (n) => fill(more.waiting.value, n);
  node.live = (data) => {
    node.streams = data.waiting !== undefined;
    if (data.waiting !== undefined) { // else it is not known at the moment
      fill(more.waiting.value, compact(data.waiting));
      fill(more.oldest.value, data.waiting ? rough(data.oldest_seconds) : "–");
    }
    if (before) {
      const passed = Math.max(0.2, (new Date(data.at) - new Date(before.at)) / 1000);
      const rate = (name) => Math.max(0, (data[name] - before[name]) / passed);
      for (const name of ["accepted", "matched", "delivered"]) fill(parts[name].rate, `${compact(Math.round(rate(name) * 10) / 10)} a second`);
      parts.delivered.moving = parts.delivered.rate.textContent;
      pipes[0].classList.toggle("moving", rate("accepted") > 0);
      pipes[1].classList.toggle("moving", rate("delivered") > 0);
    }
    before = data;
  };
  return node;
}

async function drawCharts(tenant, range, picture, signal) {
  const [since, step, during] = ranges[range];
  const points = await counts(tenant, since, step, signal);
  const total = sum(points);
  picture.totals(total);
  if (!total.accepted && !total.attempts) {
    return card(null, { label: "First steps" }, empty(`Nothing happened in ${during}`, "Make an endpoint, then publish an event. With a token in $TOKEN:",
      codebox(publishHint(tenant), { label: "How to publish" }), may("write") && link("New endpoint", to(tenant, ["new-endpoint"]), "primary", "plus")));
  }
  const mean = (p) => (p.requests ? seconds(p.took) / p.requests : null); // to be handed out takes as long as whoever pulls likes
  return h("div", { class: "grid2" },
    card("Attempts", {}, bars(`Attempts in ${during}`, points, [
      { label: "delivered", kind: "ok", value: (p) => p.delivered }, { label: "retried", kind: "warn", value: (p) => p.retried }, { label: "given up", kind: "bad", value: (p) => p.dead },
    ])),
    card("Mean time of a request, in ms", {}, lines(`Mean time of a request in milliseconds, in ${during}`, points, [
      { label: "ms", kind: "accent", total: false, value: (p) => (mean(p) === null ? null : mean(p) * 1000) },
    ], { format: (v) => (v >= 10 ? number(Math.round(v)) : String(Math.round(v * 10) / 10)) })));
}

// refresh keeps what is counted right while the page is open. Who fares worst is the
// dearest question, so it is asked less often.
async function refresh(tenant, picture, charts, failing, signal) {
  for (let round = 1; ; round++) {
    await pause(10_000, signal);
    if (signal.aborted) return;
    if (document.visibilityState === "hidden") continue;
    await charts.renew();
    if (round % 2 === 0) await failing.renew();
    if (!picture.streams) await waiting(tenant, picture, signal).catch(() => { /* the next time */ });
  }
}

// waiting counts what waits, where no stream tells.
async function waiting(tenant, picture, signal) {
  const most = 200;
  const lists = await Promise.all(["waiting", "retrying"].map((word) => get(at(tenant, "deliveries"), { status: word, limit: most }, signal)));
  const n = lists.reduce((all, page) => all + page.items.length, 0);
  picture.waiting(lists.some((page) => page.next) ? `${n}+` : String(n));
}

// feed shows the newest attempts, as they happen.
function feed(tenant) {
  const box = h("div", null, h("div", { class: "empty" }, h("p", null, "Attempts appear here as they are made.")));
  let list = null;
  let called = new Map();
  names(tenant).then((found) => { called = found; });
  const columns = [
    { label: "Event", cell: (a) => h("a", { href: to(tenant, ["deliveries", a.delivery]), class: "mono" }, a.event?.type ? dotted(a.event.type) : a.delivery) },
    { label: "Endpoint", cell: (a) => known(tenant, called, a.endpoint) },
    { label: "Outcome", cell: (a) => h("span", { class: "row" }, status(a.outcome), result({ code: a.status, reason: a.reason })) },
    { label: "Attempt", right: true, cell: (a) => number(a.attempt) },
    { label: "Took", right: true, cell: (a) => (a.duration_ms === undefined ? "" : duration(`${a.duration_ms}ms`)) },
    { label: "At", cell: (a) => h("span", { class: "nowrap" }, time(a.at)) },
  ];
  box.add = (attempt) => {
    if (!list) {
      list = table("Newest attempts, the newest first", columns, [attempt], { mark: (a) => a.delivery });
      fill(box, list);
    } else {
      list.add([attempt], true);
      list.keep(14);
    }
  };
  return box;
}

// longest shows whose queues are longest at the moment, where a stream tells.
function longest(tenant) {
  const box = h("div", { hidden: true });
  let called = new Map();
  let shown = "";
  names(tenant).then((found) => { called = found; });
  box.show = (list) => {
    const top = list.filter((e) => e.waiting > 0).sort((a, b) => b.waiting - a.waiting).slice(0, 5);
    const key = JSON.stringify(top);
    if (key === shown) return;
    shown = key;
    box.hidden = !top.length;
    fill(box, card("Deliveries wait for", { flush: true }, table("Endpoints with the longest queues", [
      { label: "Endpoint", cell: (e) => known(tenant, called, e.id) },
      { label: "Waiting", right: true, cell: (e) => number(e.waiting) },
      { label: "The oldest since", right: true, cell: (e) => rough(e.oldest_seconds) },
    ], top)));
  };
  return box;
}

// worst are the endpoints of which the greatest share failed, as the delivery log counts.
async function worst(tenant, range, signal) {
  const [length] = ranges[range];
  const since = new Date(Date.now() - length * 1000).toISOString();
  const { items } = await get(at(tenant, "counts", "endpoints"), { since, limit: 6 }, signal);
  if (!items.length) return empty("All endpoints are well", `Nothing failed in ${ranges[range][2]}.`);
  return table("Endpoints that fare worst", [
    { label: "Endpoint", cell: (e) => [h("a", { href: to(tenant, ["endpoints", e.endpoint]) }, e.name || e.endpoint), " ", e.status !== "active" && badge(e.status, "warn")] },
    { label: "Failed", right: true, cell: (e) => percent(e.retried + e.dead, e.delivered + e.retried + e.dead) },
    { label: "Given up", right: true, cell: (e) => number(e.dead) },
  ], items);
}
