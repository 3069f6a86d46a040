// Changing an endpoint.

import { patch } from "./api.js";
import { button, toast } from "./ui.js";
import { ask, field, input } from "./forms.js";
import { parseSchedule } from "./retry.js";
import { dialects } from "./dialects.js";

// editButton opens a form of what is changed most.
export function editButton(path, e, reload) {
  const p = e.policy ?? {};
  const d = dialects[e.dialect];
  return button("Edit", { onclick: () => ask("Edit the endpoint", {
    fields: [
      field("Name", input({ name: "name", value: e.name ?? "", maxlength: "255" })),
      !e.pull && field("URL", input({ name: "url", type: "url", value: e.url ?? "", required: true })),
      !e.pull && field("Timeout", input({ name: "timeout", value: p.timeout ?? "", placeholder: d?.timeout }), "Empty for the dialect's."),
      field("Retries after", input({ name: "retry", value: p.retry ? p.retry.join(", ") || "none" : "", placeholder: d?.retry.join(", ") || "none" }), "Empty for the dialect's, none for one attempt only."),
      !e.pull && field("Rate", input({ name: "rate", value: p.rate ?? "", placeholder: "100/s" }), "The most attempts in a time. Empty for no limit."),
      !e.pull && field("Concurrency", input({ name: "concurrency", inputmode: "numeric", value: p.concurrency ?? "", placeholder: "32" }), "The most attempts at once."),
    ],
    go: "Save",
    work: (data) => patch(path, change(data, e.pull)),
    done: () => {
      toast("It is changed.");
      reload();
    },
  }) });
}

// change is a merge patch: null goes back to the default. Of an endpoint that is pulled
// from there is less to change.
function change(data, pull) {
  const text = (name) => data.get(name).trim();
  const retry = text("retry");
  const delays = retry === "" ? null : retry === "none" ? [] : parseSchedule(retry).delays;
  if (pull) return { name: text("name") || null, policy: { retry: delays } };
  return {
    name: text("name") || null,
    url: text("url"),
    policy: {
      timeout: text("timeout") || null,
      retry: delays,
      rate: text("rate") || null,
      concurrency: text("concurrency") ? Number(text("concurrency")) : null,
    },
  };
}
