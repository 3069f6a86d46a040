// One delivery: all that was tried, and what to do.

import { h } from "../dom.js";
import { at, get, post } from "../api.js";
import { bytes, duration, plural, seconds, spent } from "../format.js";
import { act, badge, button, card, codebox, empty, facts, head, load, status, time } from "../ui.js";
import { names } from "../lookup.js";
import { known } from "../rows.js";
import { go, to } from "../router.js";
import { explain } from "../reasons.js";
import { may, personal } from "../session.js";
import { pause } from "../live.js";
import { pulled, reworded } from "../pulled.js";

export function page({ tenant, params, signal }) {
  const box = load(signal, () => show(tenant, params.id, signal, () => box.reload()), { lines: 8 });
  return [
    h("div", null, head("Delivery", { crumbs: [["Deliveries", to(tenant, ["deliveries"])]], text: params.id })),
    box,
  ];
}

async function show(tenant, id, signal, reload) {
  const [d, called] = await Promise.all([get(at(tenant, "deliveries", id), {}, signal), names(tenant)]);
  const pull = await pulled(tenant, d.endpoint, signal);
  const words = reworded(explain, pull);
  const ended = d.status === "delivered" || d.status === "dead";
  if (!ended) follow(tenant, d, signal, reload);
  const again = ended && may("write") && (isTest(d) ? another(tenant, d, signal) : resend(tenant, d, () => follow(tenant, d, signal, reload)));
  return h("div", { class: "stack" },
    verdict(d, words),
    card("What it is", { actions: again ? [again] : [] }, facts([
      ["Status", status(d.status)],
      ["Endpoint", known(tenant, called, d.endpoint)],
      ["Event type", d.type && h("a", { href: to(tenant, ["types", d.type]), class: "mono" }, d.type)],
      ["Event", d.event?.place && !personal() ? h("a", { href: to(tenant, ["events", d.event.place]), class: "mono" }, d.event.id ?? d.event.place) : d.event?.id],
      ["Source", d.event?.source],
      ["Subject", d.subject],
      ["Accepted", time(d.accepted)],
      [pull ? "Handed out" : "Requests made", pull ? plural(d.attempts, "time") : String(d.attempts)],
      ...comes(d, pull),
      ["webhook-id", h("code", null, d.id)],
    ])),
    card(pull ? "Hand-outs" : "Attempts", { text: d.history.length ? plural(d.history.length, "entry", "entries") + ", the newest first" : undefined },
      d.history.length
        ? h("ol", { class: "attempts" }, [...d.history].reverse().map((a, i) => attempt(a, i === 0, pull, words)))
        : pull ? empty("It waits to be pulled", "Its receiver has not fetched it yet, or has it in hand and has not said what became of it.")
          : empty("Nothing was tried yet", "The first attempt is about to be made. If it stays like this, the endpoint is paused, is as busy as it may be, or has failed so often that it is only tried now and then, at least every five minutes.")));
}

// isTest tells a test event's delivery: its event, of whatever type, is named after it.
const isTest = (d) => d.event?.id === `test_${d.id}`;

function resend(tenant, d, sent) {
  const made = button("Resend", { kind: "primary", glyph: "replays", onclick: async () => {
    if (await act(made, () => post(at(tenant, "deliveries", d.id, "resend")), "It is on its way again, under the same webhook-id.")) sent();
  } });
  return made;
}

// another is in the place of resend: the events of tests are not stored, so they cannot be
// sent again.
function another(tenant, d, signal) {
  const made = button("Send another test", { kind: "primary", onclick: async () => {
    const sent = await act(made, async () => {
      const { delivery } = await post(at(tenant, "endpoints", d.endpoint, "test"), d.type && d.type !== "tidings.test" ? { type: d.type } : {});
      await logged(tenant, delivery, signal);
      return delivery;
    }, "Another is on its way.");
    if (sent && !signal.aborted) go(to(tenant, ["deliveries", sent]));
  } });
  return made;
}

// logged waits a while for the log to know of a delivery, which it does a moment after it
// was made. If that takes longer, its page says so.
async function logged(tenant, id, signal) {
  for (let tries = 0; tries < 20 && !signal.aborted; tries++) {
    try {
      return await get(at(tenant, "deliveries", id), {}, signal);
    } catch (error) {
      if (error.status !== 404) return null;
    }
    await pause(500, signal);
  }
  return null;
}

// comes says when it goes on. What is due is not attempted while the endpoint is paused,
// fails, or is full; and what is pulled waits for whoever fetches it.
function comes(d, pull) {
  if (d.status === "waiting" && pull) return [["It waits", "to be pulled by its receiver"]];
  if (!d.next) return [];
  const due = new Date(d.next) <= Date.now();
  if (pull) return [["Handed out again", due ? ["as soon as its receiver fetches it, since ", time(d.next)] : ["when its receiver fetches it, from ", time(d.next), " on (", time(d.next, true), ")"]]];
  return [["Next attempt", due ? ["due since ", time(d.next), ", and made as soon as the endpoint takes one"] : [time(d.next), " (", time(d.next, true), ")"]]];
}

// verdict says in plain words how it stands, and what to do about it. What waits has no
// verdict yet; and what died before a request has no reason beside why it died.
function verdict(d, explain) {
  const last = d.history.at(-1);
  if (!last || d.status === "delivered" || d.status === "waiting") return null;
  const { text, todo } = explain(last.why || last.reason);
  const met = last.reason && last.reason !== last.why && last.reason !== "ok" ? explain(last.reason) : null;
  return h("div", { class: `note ${d.status === "dead" ? "bad" : "warn"}`, role: "note" },
    h("p", null, h("strong", null, text), met && ` ${met.text}`),
    h("p", null, h("strong", null, "What to do: "), met && d.status !== "dead" ? met.todo : `${met ? `${met.todo} ` : ""}${todo}`));
}

function attempt(a, newest, pull, explain) {
  const kind = { delivered: "ok", retry: "warn", dead: "bad" }[a.outcome] ?? "";
  const x = a.exchange;
  const words = explain(a.reason || a.why);
  return h("li", { class: `attempt ${kind}` }, h("div", { class: "dot", "aria-hidden": "true" }),
    h("div", { class: "card stack" },
      h("div", { class: "row" },
        h("h3", null, a.n ? `${pull ? "Hand-out" : "Attempt"} ${a.n}` : pull ? "Not handed out" : "No request"), badge(a.outcome === "retry" ? "to be retried" : a.outcome, kind),
        a.status && h("span", { class: "mono" }, `HTTP ${a.status}`), h("span", { class: "muted" }, pull && a.n ? `held for ${duration(a.took)}` : duration(a.took)), h("span", { class: "muted" }, time(a.at)),
        a.replay && badge("replay", "plain")),
      h("p", null, words.text, a.detail && a.detail !== words.text && h("span", { class: "muted" }, ` ${a.detail}`)),
      a.outcome !== "delivered" && !newest && h("p", { class: "muted" }, words.todo),
      a.next && h("p", { class: "muted" }, pull ? "Handed out again from " : newest ? "To be tried again " : "Tried again ", time(a.next), pull ? " on." : "."),
      x && timings(x.timings, a.took),
      x && exchange(x, a, newest),
      a.dispatcher && h("p", { class: "muted" }, `${pull ? "Noted" : "Made"} by ${a.dispatcher}`)));
}

const phases = [["dns", "DNS"], ["connect", "connect"], ["tls", "TLS"], ["first_byte", "waiting for the answer"], ["body", "reading it"]];

function timings(t, took) {
  const list = phases.map(([name, label]) => [name, label, seconds(t?.[name])]).filter(([, , s]) => s > 0);
  if (!list.length) return null;
  const whole = Math.max(seconds(took) || 0, list.reduce((sum, [, , s]) => sum + s, 0));
  return h("div", null,
    h("div", { class: "timings", role: "img", "aria-label": `Where the time went: ${list.map(([, label, s]) => `${label} ${spent(s)}`).join(", ")}` },
      list.map(([name, , s]) => h("span", { class: `t-${name}`, css: { width: `${(s / whole) * 100}%` } }))),
    h("div", { class: "row muted" }, list.map(([name, label, s]) => h("span", null, h("span", { class: `swatch t-${name}`, "aria-hidden": "true" }), `${label} ${spent(s)}`))));
}

function exchange(x, a, open) {
  return h("details", { open },
    h("summary", null, "Request and response"),
    h("div", { class: "grid2" },
      h("div", { class: "stack" }, h("h3", null, "Request"), h("p", { class: "mono" }, `POST ${x.url}`), headers(x.header, "Request headers"),
        h("p", { class: "muted" }, `${bytes(x.sent)} sent. The log keeps no data of events.`)),
      h("div", { class: "stack" }, h("h3", null, "Response"), h("p", { class: "mono" }, a.status ? `HTTP ${a.status}` : "none"), headers(x.answer, "Response headers"),
        x.body ? codebox(x.body, { label: "Response body" }) : a.status && h("p", { class: "muted" }, "Its body was empty."),
        x.got > kept(x.body) && h("p", { class: "muted" }, `${bytes(x.got)} in all; the beginning is kept.`))));
}

// kept is how many bytes of a body there are. What is no UTF-8 has a character for each.
function kept(body = "") {
  return body.includes("\ufffd") ? body.length : new TextEncoder().encode(body).length;
}

function headers(list, label) {
  const pairs = Object.entries(list ?? {}).flatMap(([name, values]) => values.map((value) => [name, value]));
  if (!pairs.length) return null;
  return h("table", { class: "headers" }, h("caption", { class: "sr" }, label), h("thead", { class: "sr" }, h("tr", null, h("th", { scope: "col" }, "Name"), h("th", { scope: "col" }, "Value"))),
    h("tbody", null, pairs.map(([name, value]) => h("tr", null, h("td", null, name), h("td", null, value)))));
}

// follow shows what becomes of it while the page is open.
async function follow(tenant, was, signal, reload) {
  for (let wait = 1000; ; wait = Math.min(wait * 1.5, 10_000)) {
    await pause(wait, signal);
    if (signal.aborted) return;
    if (document.visibilityState === "hidden") continue;
    try {
      const now = await get(at(tenant, "deliveries", was.id), {}, signal);
      if (now.status !== was.status || now.history.length !== was.history.length) return reload();
    } catch (error) {
      if (error.status === 401) return;
    }
  }
}
