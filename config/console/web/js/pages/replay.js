// One replay, and how far it has come.

import { h } from "../dom.js";
import { at, get, post } from "../api.js";
import { number } from "../format.js";
import { act, badge, button, card, facts, head, load, status, time } from "../ui.js";
import { names } from "../lookup.js";
import { to } from "../router.js";
import { skippedBy } from "../replayform.js";
import { known } from "../rows.js";
import { pause } from "../live.js";
import { may } from "../session.js";

export function page({ tenant, params, signal }) {
  let job = null;
  const box = load(signal, async () => {
    job = await get(at(tenant, "replays", params.id), {}, signal);
    follow(tenant, job, signal, () => box.swap());
    return show(tenant, job, await names(tenant), () => box.reload());
  }, { lines: 6 });
  // swap shows the news without bones in between.
  box.swap = async () => {
    try {
      job = await get(at(tenant, "replays", params.id), {}, signal);
      box.replaceChildren(show(tenant, job, await names(tenant), () => box.reload()));
      follow(tenant, job, signal, () => box.swap());
    } catch {
      if (!signal.aborted) box.reload();
    }
  };
  return [head("Replay", { crumbs: [["Replays", to(tenant, ["replays"])]], text: params.id }), box];
}

function show(tenant, r, called, reload) {
  const cancel = r.state === "running" && may("write") && button("Cancel", { kind: "danger", onclick: async () => {
    if (await act(cancel, () => post(at(tenant, "replays", r.id, "cancel")), "It is cancelled. What it has sent stays sent.")) reload();
  } });
  return h("div", { class: "stack" },
    r.dry_run && h("div", { class: "note", role: "note" }, h("p", null, h("strong", null, "Nothing was sent: "), "this only counted what a replay would send. If that was begun then, it is another one in the list.")),
    r.error && h("div", { class: "note bad", role: "note" }, h("p", null, r.error)),
    card("Progress", { actions: cancel ? [cancel] : [] }, h("div", { class: "stack" },
      h("div", { class: "row" }, status(r.state), r.dry_run && badge("counted only", "plain"), h("span", { class: "muted", role: "status" }, `${number(r.seen)}${r.total ? ` of ${number(r.total)}` : ""} looked at, ${number(r.found)} found, ${number(r.sent)} sent, ${number(r.skipped)} skipped${r.skipped_by ? ` (${skippedBy(r)})` : ""}`)),
      meter(r))),
    card("What it sends again", {}, facts([
      ["Which", { failed: "what died", missing: "what was never delivered but would match now", all: "all there is" }[r.which] ?? r.which],
      ["Endpoint", r.endpoint ? known(tenant, called, r.endpoint) : "every one"], ["Accepted since", time(r.since)], ["Until", time(r.until)],
      ["Types", r.types?.join(", ")], ["Died of", r.reason?.replaceAll("_", " ")], ["Rate", `${number(r.rate)} a second`], ["Started", time(r.created)], ["Ended", r.ended && time(r.ended)],
    ])));
}

// meter is how much of what is to be looked at was.
export function meter(r) {
  const part = r.state === "done" ? 100 : r.total ? Math.min(100, Math.round((r.seen / r.total) * 100)) : 0;
  return h("div", { class: "meter", role: "progressbar", "aria-label": "Looked at", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(part) }, h("span", { css: { width: `${part}%` } }));
}

async function follow(tenant, job, signal, swap) {
  if (job.state !== "running") return;
  await pause(800, signal);
  if (!signal.aborted) swap();
}
