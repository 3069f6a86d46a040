// Changing an endpoint.

import { patch } from "./api.js";
import { button, toast } from "./ui.js";
import { ask, field, input, whole } from "./forms.js";
import { parseSchedule } from "./retry.js";
import { dialects } from "./dialects.js";

// editButton opens a form of what is changed most.
export function editButton(path, e, reload) {
  const was = written(e);
  const d = dialects[e.dialect];
  return button("Edit", { onclick: () => ask("Edit the endpoint", {
    fields: [
      field("Name", input({ name: "name", value: was.name, maxlength: "255" })),
      !e.pull && field("URL", input({ name: "url", type: "url", value: was.url, required: true })),
      !e.pull && field("Timeout", input({ name: "timeout", value: was.timeout, placeholder: d?.timeout }), "Empty for the dialect's."),
      field("Retries after", input({ name: "retry", value: was.retry, placeholder: d?.retry.join(", ") || "none" }), "Empty for the dialect's, none for one attempt only."),
      !e.pull && field("Rate", input({ name: "rate", value: was.rate, placeholder: "100/s" }), "The most attempts in a time. Empty for no limit."),
      !e.pull && field("Concurrency", input({ name: "concurrency", inputmode: "numeric", value: was.concurrency, placeholder: "32" }), "The most attempts at once."),
    ],
    go: "Save",
    work: async (data) => {
      const wanted = changes(was, data);
      return Object.keys(wanted).length ? patch(path, wanted) : e;
    },
    done: () => {
      toast("It is changed.");
      reload();
    },
  }) });
}

// written is an endpoint as the form has it.
function written(e) {
  const p = e.policy ?? {};
  return {
    name: e.name ?? "", url: e.url ?? "", timeout: p.timeout ?? "", retry: p.retry ? p.retry.join(", ") || "none" : "",
    rate: p.rate ?? "", concurrency: String(p.concurrency ?? ""),
  };
}

// policies are the members of a policy: how each is read of what is written.
const policies = {
  timeout: String,
  retry: (text) => (text === "none" ? [] : parseSchedule(text).delays),
  rate: String,
  concurrency: (text) => whole("concurrency", text),
};

// changes is a merge patch of what is written otherwise than it was: what somebody else
// changes meanwhile stays as they want it. Null goes back to the default.
function changes(was, data) {
  const patched = {};
  for (const [name, before] of Object.entries(was)) {
    const text = data.get(name)?.trim() ?? before; // of an endpoint that is pulled from there is less to change
    if (text === before) continue;
    const read = policies[name];
    if (read) patched.policy = { ...patched.policy, [name]: text ? read(text) : null };
    else patched[name] = text || null;
  }
  return patched;
}
