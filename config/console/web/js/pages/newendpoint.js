// Making an endpoint, with its subscription.

import { h, fill } from "../dom.js";
import { at, post, remove } from "../api.js";
import { seconds } from "../format.js";
import { button, card, codebox, head, link, notAllowed, problem } from "../ui.js";
import { dialog, field, input, plain, select, unnamed } from "../forms.js";
import { forget } from "../lookup.js";
import { go, to } from "../router.js";
import { dialects } from "../dialects.js";
import { parseSchedule, timeline } from "../retry.js";
import { typePicker } from "../typepicker.js";
import { filterField } from "../filterfield.js";
import { may } from "../session.js";

export function page({ tenant, signal }) {
  if (!may("write")) return notAllowed("New endpoint", "To make endpoints takes a token of the scope tenant:write, or a personal one.");
  const name = field("Name", input({ name: "name", maxlength: "255", placeholder: "Billing" }), "For people. It can be changed.");
  const url = field("URL", input({ name: "url", type: "url", required: true, maxlength: "2048", placeholder: "https://billing.example.com/hooks" }), "Where deliveries are POSTed to.");
  const way = field("How it gets them", select([["push", "Tidings sends them to a URL"], ["pull", "The receiver fetches them"]], "push", { name: "way" }), "What is fetched needs no URL that the internet reaches.");
  const pulls = () => way.control.value === "pull";
  const dialect = field("Dialect", select(Object.entries(dialects).map(([id, d]) => [id, d.label]), "standard", { name: "dialect" }), dialects.standard.text);
  const timeout = field("Timeout", input({ name: "timeout", placeholder: dialects.standard.timeout }), "Of one attempt, like 15s; at most 5m.");
  const retry = field("Retries after", input({ name: "retry", placeholder: "5s, 5m, 30m" }), "Delays before the 2nd, 3rd, … attempt. Empty for the dialect's own, none for one attempt only.");
  const drawing = h("div");
  const types = typePicker(tenant, () => filter.check());
  const filter = filterField(tenant, () => ({ types: types.chosen(), dialect: dialect.control.value }), signal);
  const old = field("Stored events", select([["", "Only events from now on"], ["all", "Also all events that are still stored"]], "", { name: "from" }));
  const wrong = h("div");
  const send = button("Create endpoint", { kind: "primary", type: "submit" });

  function schedule() {
    const d = dialects[dialect.control.value];
    const text = retry.control.value.trim();
    const { delays, wrong: bad } = parseSchedule(text === "none" ? "" : text);
    retry.tell(bad ? `“${bad}” is no length of time: write it like 30s, 5m or 2h.` : "");
    timeout.control.placeholder = d.timeout;
    fill(dialect.querySelector(".hint"), d.text);
    if (!bad) fill(drawing, timeline(text === "" ? d.retry : delays));
    return bad;
  }
  way.control.addEventListener("change", () => { url.hidden = timeout.hidden = pulls(); });
  dialect.control.addEventListener("change", () => {
    schedule();
    filter.check();
  });
  retry.control.addEventListener("input", schedule);
  timeout.control.addEventListener("input", () => timeout.tell(timeout.control.value.trim() && Number.isNaN(seconds(timeout.control.value)) ? "Write it like 15s or 1m." : ""));
  schedule();

  const fields = { name, url, dialect, "policy.timeout": timeout, "policy.retry": retry };
  const form = h("form", { class: "form", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    fill(wrong);
    for (const one of [name, url]) one.tell("");
    if (!pulls() && !url.control.value.trim()) return complain(url, "Write the URL of the receiver.");
    if (schedule()) return retry.control.focus();
    if (!types.chosen().length) return fill(wrong, problem({ status: 400, message: "Choose at least one event type, or *, for everything." }));
    send.disabled = true;
    try {
      const made = await create(tenant, values());
      forget();
      go(to(tenant, ["endpoints", made.id]));
      show(made);
    } catch (error) {
      const key = Object.keys(fields).find((k) => error.field === k || error.field?.startsWith(`${k}[`));
      error.message = unnamed(error.message);
      if (key) complain(fields[key], plain(error));
      else if (!filter.blame(error)) fill(wrong, problem(error));
    }
    send.disabled = false;
  } },
  card("Receiver", {}, h("div", { class: "form" }, h("div", { class: "pair" }, name, way), url, dialect)),
  card("What it gets", {}, h("div", { class: "form" }, types, filter, old)),
  card("How often it is tried", {}, h("div", { class: "form" }, h("div", { class: "pair" }, timeout, retry), drawing)),
  wrong, h("div", { class: "row" }, send, link("Cancel", to(tenant, ["endpoints"]), "quiet")));

  function complain(one, words) {
    one.tell(words);
    one.control.focus();
  }
  function values() {
    const policy = {};
    const text = retry.control.value.trim();
    if (!pulls() && timeout.control.value.trim()) policy.timeout = timeout.control.value.trim();
    if (text) policy.retry = text === "none" ? [] : parseSchedule(text).delays;
    const endpoint = { ...(pulls() ? { pull: true } : { url: url.control.value.trim() }), dialect: dialect.control.value };
    if (name.control.value.trim()) endpoint.name = name.control.value.trim();
    if (Object.keys(policy).length) endpoint.policy = policy;
    const subscription = { types: types.chosen() };
    const filters = filter.read();
    if (filters.length) subscription.filters = filters;
    if (old.control.value) subscription.deliver_from = old.control.value;
    return { endpoint, subscription };
  }
  return [head("New endpoint", { crumbs: [["Endpoints", to(tenant, ["endpoints"])]] }), form];
}

// create makes both, or neither: an endpoint without what it gets would be a riddle.
async function create(tenant, { endpoint, subscription }) {
  const made = await post(at(tenant, "endpoints"), endpoint);
  try {
    await post(at(tenant, "subscriptions"), { ...subscription, endpoint: made.id });
  } catch (error) {
    await remove(at(tenant, "endpoints", made.id)).catch(() => { /* it is seen in the list */ });
    throw error;
  }
  return made;
}

function show(made) {
  if (!made.secret) return;
  // After the page has changed, which closes what is open.
  setTimeout(() => dialog("The endpoint is made", (close) => [
    h("p", null, "This is the key that its deliveries are signed with. The receiver needs it to verify them; you find it again on the endpoint's page."),
    codebox(made.secret, { label: "Signing key" }),
    h("div", { class: "buttons" }, button("Done", { kind: "primary", onclick: close })),
  ]), 400);
}
