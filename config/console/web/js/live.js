// What happens now: from the server's stream, or by asking again and again where
// there is none.

import { at, get, stream, Problem } from "./api.js";

const pollEvery = 3000; // milliseconds
const most = 50;

// watch calls on.overview, on.attempt and on.state ("live", "polling", "away") until
// signal aborts.
export async function watch(tenant, signal, on) {
  let wait = 1000;
  const seen = new Map();
  await look(tenant, signal, seen, on).catch(() => { /* the stream may fare better */ });
  let missed = false; // something may have been
  while (!signal.aborted) {
    try {
      await stream(at(tenant, "live"), signal, (event, data) => {
        wait = 1000;
        on.state("live");
        if (missed) look(tenant, signal, seen, on).catch(() => { missed = true; });
        missed = false;
        if (event === "overview") on.overview(data);
        if (event === "attempt" && fresh(data, seen)) on.attempt(data);
      });
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      if (error instanceof Problem && [403, 404, 405].includes(error.status)) return poll(tenant, signal, seen, on);
    }
    on.state("away");
    missed = true;
    await pause(wait, signal);
    wait = Math.min(wait * 2, 15_000);
  }
}

// poll tells of deliveries that have changed since they were last seen.
async function poll(tenant, signal, seen, on) {
  while (!signal.aborted) {
    try {
      if (document.visibilityState !== "hidden") {
        await look(tenant, signal, seen, on);
        on.state("polling");
      }
    } catch (error) {
      if (signal.aborted || [400, 401, 403].includes(error.status)) return;
      on.state("away");
    }
    await pause(pollEvery, signal);
  }
}

async function look(tenant, signal, seen, on) {
  tell((await get(at(tenant, "deliveries"), { limit: most }, signal)).items, seen, on);
}

function tell(items, seen, on) {
  for (const d of [...items].reverse()) {
    const last = asAttempt(d);
    if (fresh(last, seen) && (d.attempts > 0 || d.status !== "waiting")) on.attempt(last);
  }
}

// fresh tells whether an attempt was not seen yet, and marks it as seen.
function fresh(a, seen) {
  const state = `${a.outcome === "retry" ? "retrying" : a.outcome} ${a.attempt}`;
  if (seen.get(a.delivery) === state) return false;
  seen.set(a.delivery, state);
  if (seen.size > 1000) for (const id of [...seen.keys()].slice(0, 500)) seen.delete(id);
  return true;
}

// asAttempt is the last attempt of a delivery of a list.
export function asAttempt(d) {
  return {
    at: d.last ?? d.accepted, delivery: d.id, endpoint: d.endpoint, event: { ...d.event, type: d.type },
    attempt: d.attempts, outcome: d.status, reason: d.reason, status: d.code,
  };
}

// pause waits, at most until signal aborts.
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
