// One endpoint: how it fares, its key, what it gets, and what can be done to it.

import { h } from "../dom.js";
import { at, get, post, remove } from "../api.js";
import { number, percent } from "../format.js";
import { act, badge, button, card, empty, facts, head, link, load, status, time, toast } from "../ui.js";
import { ask, dialog, field, select } from "../forms.js";
import { bars } from "../charts.js";
import { counts, forget, names, sum, types } from "../lookup.js";
import { deliveryColumns } from "../rows.js";
import { table } from "../tables.js";
import { go, to } from "../router.js";
import { dialects } from "../dialects.js";
import { parseSchedule, timeline } from "../retry.js";
import { explain } from "../reasons.js";
import { may } from "../session.js";
import { keyCard, verifyCard } from "../keycard.js";
import { subscriptionsCard } from "../subscriptions.js";
import { editButton } from "../editendpoint.js";

export function page({ tenant, params, signal }) {
  const path = at(tenant, "endpoints", params.id);
  const box = load(signal, async () => show(tenant, path, await get(path, {}, signal), signal, () => {
    forget();
    box.reload();
  }), { lines: 10 });
  return box;
}

function show(tenant, path, e, signal, reload) {
  const write = may("write");
  const deliveries = card("Newest deliveries", { flush: true, actions: [link("All", to(tenant, ["deliveries"], { endpoint: e.id }), "small")] }, load(signal, () => newest(tenant, e, signal)));
  return h("div", { class: "page" },
    head(e.name || e.id, {
      crumbs: [["Endpoints", to(tenant, ["endpoints"])]], text: e.pull ? "Its receiver fetches what is due." : h("span", { class: "mono" }, e.url), marks: [status(e.status), e.origin === "file" && badge("tidings.yaml", "plain")],
      actions: write ? actions(tenant, path, e, reload, () => deliveries.querySelector(".load").reload()) : [],
    }),
    e.disabled && h("div", { class: "note bad", role: "note" }, h("p", null, h("strong", null, "It is disabled: deliveries to it die. "), explain(e.disabled).text), h("p", null, h("strong", null, "What to do: "), explain(e.disabled).todo)),
    e.paused && h("div", { class: "note warn", role: "note" }, h("p", null, "It is paused: its deliveries wait until it is resumed.")),
    card("Health", {}, load(signal, () => health(tenant, e, signal), { lines: 5 })),
    deliveries,
    h("div", { class: "grid2" },
      h("div", { class: "stack" },
        may("secrets") ? keyCard(path, e, signal) : card("Signing key", {}, h("p", { class: "muted" }, "Your token does not show keys: it takes one of the scope tenant:write.")),
        subscriptionsCard(tenant, e, signal)),
      policy(e)),
    verifyCard(e, signal));
}

function actions(tenant, path, e, reload, look) {
  const list = [button("Send test event", { onclick: () => test(tenant, path, e, look) })];
  const simple = (label, action, done, kind) => {
    const made = button(label, { kind, onclick: async () => {
      if (await act(made, () => post(`${path}/${action}`), done)) reload();
    } });
    return made;
  };
  if (e.disabled) list.push(simple("Enable", "enable", "It is enabled.", "primary"));
  if (e.origin !== "file") {
    list.push(e.paused ? button("Resume", { kind: "primary", onclick: () => resume(path, reload) }) : simple("Pause", "pause", "It is paused: deliveries wait."));
    if (!e.disabled) list.push(disableButton(path, e, reload));
    list.push(editButton(path, e, reload));
    list.push(button("Delete", { kind: "danger", onclick: () => ask(`Delete ${e.name || e.id}?`, {
      text: "It goes with its subscriptions. Deliveries that are under way die. This cannot be undone.", go: "Delete", kind: "danger",
      work: () => remove(path),
      done: () => {
        forget();
        toast("It is deleted.");
        go(to(tenant, ["endpoints"]));
      },
    }) }));
  }
  return list;
}

function disableButton(path, e, reload) {
  return button("Disable", { onclick: () => ask(`Disable ${e.name || e.id}?`, {
    text: "Deliveries to it die until it is enabled. What dies can be replayed. To have deliveries wait, pause it instead.", go: "Disable", kind: "danger",
    work: () => post(`${path}/disable`),
    done: () => {
      toast("It is disabled.");
      reload();
    },
  }) });
}

function test(tenant, path, e, look) {
  const type = select([["", "Let Tidings choose"]], "", { name: "type" });
  types(tenant).then((list) => type.append(...list.filter((t) => dialects[e.dialect]?.open || t.dialects?.[e.dialect]).map((t) => h("option", { value: t.type }, t.type))), () => { /* it is chosen */ });
  ask("Send a test event", {
    text: "An example of the type goes to this endpoint alone, whatever it subscribes to.", fields: [field("Type", type)], go: "Send",
    work: (data) => post(`${path}/test`, data.get("type") ? { type: data.get("type") } : {}),
    done: (sent) => {
      setTimeout(look, 1500);
      dialog("It is on its way", (close) => [h("p", null, "See what the receiver answers:"), h("div", { class: "buttons" }, button("Stay here", { onclick: close }), link("Open the delivery", to(tenant, ["deliveries", sent.delivery]), "primary"))]);
    },
  });
}

function resume(path, reload) {
  ask("Resume deliveries", {
    text: "What has waited can be delivered, or skipped. What is skipped dies with the reason “skipped”, and can be replayed.",
    fields: [field("Go on", select([["oldest", "with all that waits"], ["now", "with what comes from now on"]], "oldest", { name: "from" }))], go: "Resume",
    work: (data) => post(`${path}/resume`, { from: data.get("from") }),
    done: () => {
      toast("It is resumed.");
      reload();
    },
  });
}

// held says why deliveries have waited for a while, where nothing else on the page does.
function held(e, queue) {
  const since = queue.items.at(-1)?.accepted;
  if (!since || e.paused || e.disabled || e.pull || Date.now() - new Date(since) < 30_000) return null;
  return h("p", { class: "note warn", role: "note" }, "Deliveries wait since ", time(since), ": it has failed or is slow, or has a rate or an order to keep. One that fails is tried now and then, at least every five minutes, until it takes something.");
}

async function health(tenant, e, signal) {
  const [points, queue] = await Promise.all([
    counts(tenant, 86_400, "30m", signal, e.id),
    get(at(tenant, "deliveries"), { endpoint: e.id, status: "waiting", limit: 200 }, signal),
  ]);
  const total = sum(points);
  const waits = queue.items.length;
  if (!total.attempts && !total.dead && !waits) return empty("No attempts in the last 24 hours", "Send a test event to see whether the receiver takes it.");
  const stat = (name, value, kind = "") => h("div", { class: `stat ${kind}` }, h("div", { class: "name" }, name), h("div", { class: "value" }, value));
  return h("div", { class: "stack" },
    h("div", { class: "grid3" }, stat("Attempts taken", percent(total.delivered, total.attempts), total.delivered === total.attempts ? "ok" : "warn"), stat("Attempts", number(total.attempts)), stat("Retried", number(total.retried), total.retried ? "warn" : ""), stat("Given up", number(total.dead), total.dead ? "bad" : ""), stat("Waiting now", waits + (queue.next ? "+" : ""), waits ? "info" : "")),
    held(e, queue),
    bars("Attempts in the last 24 hours", points, [
      { label: "delivered", kind: "ok", value: (p) => p.delivered }, { label: "retried", kind: "warn", value: (p) => p.retried }, { label: "given up", kind: "bad", value: (p) => p.dead },
    ], { width: 1160 }));
}

async function newest(tenant, e, signal) {
  const [page, called] = await Promise.all([get(at(tenant, "deliveries"), { endpoint: e.id, limit: 8 }, signal), names(tenant)]);
  if (!page.items.length) return empty("Nothing was delivered yet", "It gets events that match its subscriptions.");
  return table("Newest deliveries", deliveryColumns(tenant, called, { endpoint: false }), page.items);
}

function policy(e) {
  const d = dialects[e.dialect] ?? { retry: [] };
  const p = e.policy ?? {};
  const others = Object.entries(p).filter(([name]) => !["timeout", "retry"].includes(name)).map(([name, value]) => [name.replaceAll("_", " "), h("span", { class: "mono" }, typeof value === "object" ? JSON.stringify(value) : String(value))]);
  return card("Settings", {}, h("div", { class: "stack" },
    facts([["Id", h("code", null, e.id)], ["Dialect", d.label ?? e.dialect], ["Mode", e.mode], ["Handshake", e.handshake && "asked for"], ["Owner", e.owner],
      ["Timeout", !e.pull && (p.timeout ?? `${d.timeout} (the dialect's)`)], ["Fetched by", e.pull && h("code", null, `POST /v1/tenants/${e.tenant}/endpoints/${e.id}/poll`)], ...others,
      ["Own headers", Object.keys(e.headers ?? {}).join(", ")], ["Created", time(e.created)], ["Changed", time(e.updated)]]),
    timeline(p.retry ? parseSchedule(p.retry.join(",")).delays : d.retry)));
}
