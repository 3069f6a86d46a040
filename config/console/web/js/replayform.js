// Starting a replay: count first, then do it.

import { h, fill } from "./dom.js";
import { at, get, post } from "./api.js";
import { number } from "./format.js";
import { button, problem, toast } from "./ui.js";
import { blame, dialog, field, input, select, unblame, whole } from "./forms.js";
import { endpoints } from "./lookup.js";
import { go, to } from "./router.js";
import { pause } from "./live.js";
import { deaths } from "./reasons.js";
import { personal } from "./session.js";

const kinds = [["failed", "What died"], ["missing", "What was never delivered but would match now"], ["all", "All there is"]];

// replayDialog asks what to send again. start presets endpoint, reason and which.
export function replayDialog(tenant, start = {}) {
  const leave = new AbortController();
  const node = dialog("Replay deliveries", (close) => content(tenant, start, close, leave.signal), { broad: true });
  node.addEventListener("close", () => leave.abort());
}

function content(tenant, start, close, signal) {
  const every = personal() ? [] : [["", "Every endpoint"]]; // a personal token names one of its own
  const endpoint = select([...every, ...(start.endpoint ? [[start.endpoint, start.endpoint]] : [])], start.endpoint ?? "", {});
  endpoints(tenant).then((list) => fill(endpoint, every.map(([value, label]) => h("option", { value }, label)), list.map((e) => h("option", { value: e.id, selected: e.id === start.endpoint }, e.name ? `${e.name} (${e.id})` : e.id))), () => { /* every one */ });
  const f = {
    which: field("Send again", select(kinds, start.which ?? "failed", { name: "which" })),
    endpoint: field("Endpoint", endpoint),
    since: field("Accepted since", input({ type: "datetime-local", value: local(new Date(Date.now() - 86_400e3)), required: true, name: "since" })),
    until: field("Until", input({ type: "datetime-local", name: "until" }), "Empty for now."),
    types: field("Event types", input({ name: "types", placeholder: "order.paid, user.*" }), "Empty for all."),
    reason: field("Died of", select([["", "Any reason"], ...deaths.map((r) => [r, r.replaceAll("_", " ")])], start.reason ?? "", { name: "reason" })),
    rate: field("Deliveries a second", input({ name: "rate", inputmode: "numeric", value: "100", required: true })),
  };
  const said = h("div", { role: "status", "aria-live": "polite" });
  const count = button("Count first", { kind: "primary", type: "submit" });
  const begin = button("Start the replay", { kind: "primary", onclick: () => run(false) });
  begin.hidden = true;
  f.reason.hidden = f.which.control.value !== "failed";
  const form = h("form", { class: "stack", css: { padding: "0" }, onsubmit: (event) => {
    event.preventDefault();
    run(true);
  }, oninput: changed, onchange: changed },
  h("p", { class: "muted" }, "Deliveries keep their webhook-id, so that a receiver that has one knows it again."),
  h("div", { class: "form" }, h("div", { class: "pair" }, f.which, f.endpoint), h("div", { class: "pair" }, f.since, f.until), h("div", { class: "pair" }, f.types, f.reason, f.rate)),
  said, h("div", { class: "buttons" }, button("Cancel", { onclick: close }), count, begin));
  const ask = () => {
    const list = f.types.control.value.split(/[\s,]+/).filter(Boolean);
    const reason = f.which.control.value === "failed" ? f.reason.control.value : "";
    return {
      which: f.which.control.value, since: iso(f.since.control.value), rate: whole("rate", f.rate.control.value),
      ...(endpoint.value && { endpoint: endpoint.value }), ...(f.until.control.value && { until: iso(f.until.control.value) }),
      ...(list.length && { types: list }), ...(reason && { reason }),
    };
  };
  // What was counted no longer holds once something else is asked for.
  function changed() {
    f.reason.hidden = f.which.control.value !== "failed";
    begin.hidden = true;
    count.hidden = false;
    fill(said);
    unblame(form);
  }
  async function run(dry) {
    count.disabled = begin.disabled = true;
    fill(said, h("p", { class: "muted" }, dry ? "Counting…" : "Starting…"));
    try {
      const job = await post(at(tenant, "replays"), { ...ask(), dry_run: dry });
      if (!dry) {
        close();
        toast("The replay has begun.");
        return go(to(tenant, ["replays", job.id]));
      }
      const done = await counted(tenant, job, said, signal);
      if (signal.aborted) return undefined;
      const sends = done.found - done.skipped;
      const left = done.skipped ? ` ${number(done.skipped)} more cannot be: ${skippedBy(done)}.` : "";
      fill(said, h("p", { class: sends ? "note ok" : "note" }, sends || left ? `${number(sends)} deliveries would be sent again.${left}` : "There is nothing to send again. Choose an earlier time, or another endpoint."));
      begin.hidden = !sends;
      count.hidden = sends > 0;
    } catch (error) {
      if (!signal.aborted) fill(said, !blame(form, error) && problem(error));
    }
    count.disabled = begin.disabled = false;
    return undefined;
  }
  return form;
}

// counted waits for a dry run to end.
async function counted(tenant, job, said, signal) {
  while (job.state === "running" && !signal.aborted) {
    await pause(400, signal);
    job = await get(at(tenant, "replays", job.id), {}, signal);
    fill(said, h("p", { class: "muted" }, `Counting: ${number(job.seen)} looked at, ${number(job.found)} found…`));
  }
  if (job.state === "failed") throw Object.assign(new Error(job.error || "It could not be counted."), { status: 503 });
  return job;
}

// skippedBy is why some cannot be sent, in words.
export const skippedBy = (r) => Object.entries(r.skipped_by ?? {}).map(([why, n]) => `${number(n)} ${why.replaceAll("_", " ")}`).join(", ");

const iso = (text) => new Date(text).toISOString();

// local is a time as such a field wants it: in the reader's zone, without one.
const local = (t) => new Date(t.getTime() - t.getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
