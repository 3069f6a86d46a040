// Erasing an event, or all that is about somebody, and the proof of it.

import { h, fill } from "./dom.js";
import { at, call } from "./api.js";
import { number, plural } from "./format.js";
import { badge, button, codebox, facts, problem, time } from "./ui.js";
import { after, dialog, field, input, select } from "./forms.js";

// Overwriting what lies on disks takes a while: so long an answer is waited for.
const patience = 180_000; // milliseconds

// eraseDialog asks what to erase: start presets event and source, or subject.
// changed is called once something was, and left when the person has read what.
export function eraseDialog(tenant, start, { changed, left } = {}) {
  dialog("Erase for good", (close) => {
    const what = field("What", select([["subject", "All events about a subject"], ["event", "One event"]], start.event ? "event" : "subject", { name: "what" }));
    const subject = field("Subject", input({ name: "subject", value: start.subject ?? "", placeholder: "customer/4711" }), "The CloudEvents subject, as it was published.");
    const event = field("Event id", input({ name: "event", value: start.event ?? "", placeholder: "order-17" }));
    const source = field("Source", input({ name: "source", value: start.source ?? "", placeholder: "/shop" }), "Empty for an event of this id from any source.");
    const again = field("Write it once more", input({ name: "again", required: true }));
    const said = h("div", { role: "status" });
    const send = button("Erase", { kind: "danger", type: "submit" });
    const wanted = () => (what.control.value === "subject" ? subject : event);
    const sorts = () => {
      subject.hidden = what.control.value !== "subject";
      event.hidden = source.hidden = !subject.hidden;
      for (const one of [subject, event]) one.control.required = !one.hidden;
      fill(again.querySelector("label"), what.control.value === "subject" ? "Write the subject once more" : "Write the event's id once more");
    };
    what.control.addEventListener("change", sorts);
    sorts();
    const form = h("form", { class: "stack", css: { padding: "0" }, onsubmit: async (asked) => {
      asked.preventDefault();
      if (send.disabled) return;
      again.tell("");
      const name = wanted().control.value.trim();
      if (again.control.value.trim() !== name) {
        again.tell("It is not the same: nothing was erased.");
        return again.control.focus();
      }
      send.disabled = true;
      fill(said, h("p", { class: "muted" }, "Erasing. What lies on the disks is overwritten, which may take minutes…"));
      const body = subject.hidden ? { event: name, ...(source.control.value.trim() && { source: source.control.value.trim() }) } : { subject: name };
      try {
        const record = await call("POST", at(tenant, "erasures"), { body, timeout: patience });
        changed?.();
        close();
        finished(tenant, record, body, { changed, left });
      } catch (error) {
        fill(said, problem(error));
      }
      send.disabled = false;
    } },
    h("div", { class: "note bad", role: "note" }, h("p", null, h("strong", null, "This cannot be undone. "),
      "The events go, with their deliveries that wait, their dead letters and all that the log has of them. What receivers have got, they keep.")),
    h("div", { class: "form" }, what, subject, event, source, again), said,
    h("div", { class: "buttons" }, button("Cancel", { onclick: close }), send));
    return form;
  });
}

// finished tells what was removed, and lets go on where there is more.
function finished(tenant, record, body, then) {
  const title = record.found ? "It is erased" : "There was nothing to erase";
  dialog(title, (close) => [
    record.found ? h("p", null, `${plural(record.found, "event")} found. This is the proof, which is kept for a year:`)
      : h("p", null, "The delivery log knows of no such event. Check how it is spelled, and that the log is not younger than the event."),
    record.found > 0 && proof(record),
    record.more && h("p", { class: "note warn", role: "note" }, "There are more than one call removes. Go on until none is left."),
    h("div", { class: "buttons" }, record.more && button("Go on", { kind: "danger", onclick: () => {
      close();
      eraseDialog(tenant, body, then);
    } }), button("Done", { kind: "primary", onclick: () => {
      close();
      if (record.found) then.left?.();
    } })),
  ], { broad: true });
}

// removed is how much an erasure removed, in words.
export function removed(r) {
  const parts = [[r.removed.events, "event"], [r.removed.deliveries, "waiting delivery", "waiting deliveries"], [r.removed.dead_letters, "dead letter"], [r.removed.log_records, "line of the log", "lines of the log"]];
  return parts.filter(([n]) => n > 0).map(([n, one, many]) => plural(n, one, many)).join(", ") || "nothing";
}

const states = { running: ["under way", "info"], watching: ["removed", "ok", "and watched for: what a dispatcher had in hand is removed too, for a day"], done: ["removed", "ok"] };

// state is how far an erasure has come, in one element: on a phone it stands beside its label.
export function state(r) {
  const [word, kind, more] = states[r.state] ?? [r.state, ""];
  return h("div", null, badge(word, kind), more && h("span", { class: "sub" }, more));
}

// proof is a record, with a way to find out whether it is that of a name.
export function proof(r) {
  const rows = r.removed.database ?? {};
  return h("div", { class: "stack" },
    r.error && h("p", { class: "note warn", role: "note" }, `It does not go on, and is tried again: ${r.error}`),
    facts([
      ["Record", h("code", null, r.id)], ["State", state(r)], ["Asked for", [time(r.created), ", of ", r.of === "subject" ? "a subject" : "an event"]], ["Ended", r.ended && time(r.ended)],
      ["Events found", number(r.found)], ["Removed", removed(r)],
      ["In the database", `${plural(rows.events ?? 0, "event")}, ${plural(rows.deliveries ?? 0, "delivery", "deliveries")}, ${plural(rows.attempts ?? 0, "attempt")}`],
      ["Salt", h("code", null, r.salt)], ["Hash", h("code", null, r.hash)],
    ]),
    prover(r),
    h("details", null, h("summary", null, "The record as JSON"), codebox(JSON.stringify(r, null, 2), { label: "Record" })));
}

// prover compares what a person names with the record's hash. Browsers compute one only
// where the page came by https, or from this machine.
function prover(r) {
  if (!globalThis.crypto?.subtle) return h("p", { class: "muted" }, "Nothing of what was erased is kept: the hash is SHA-256 of the salt and of what was asked for, each followed by a line feed.");
  const name = field(r.of === "subject" ? "Subject" : "Event id", input({}), "Nothing of what was erased is kept. To find out whether it was this one, write it here.");
  const source = field("Source", input({}), "As it was asked for: empty if it was left out.");
  source.hidden = r.of === "subject";
  const look = after(300, async () => {
    const words = [r.salt, name.control.value.trim(), ...(r.of === "subject" ? [] : [source.control.value.trim()])];
    const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${words.join("\n")}\n`));
    const hex = [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    name.tell(!name.control.value.trim() ? "" : hex === r.hash ? "It was this one." : "It was another one.", hex === r.hash ? "fine" : "wrong");
  });
  for (const one of [name, source]) one.control.addEventListener("input", look);
  return h("div", { class: "form" }, h("div", { class: "pair" }, name, source));
}
