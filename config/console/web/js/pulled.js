// Words for deliveries that are not sent but fetched: to be handed out is an attempt.

import { get, at } from "./api.js";

// pulled tells whether an endpoint is pulled from; false of one that is gone.
export async function pulled(tenant, id, signal) {
  try {
    return Boolean((await get(at(tenant, "endpoints", id), {}, signal)).pull);
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

const own = {
  ok: { text: "Whoever pulled it took it.", todo: "Nothing." },
  timeout: { text: "Whoever pulled it did not say in time what became of it.", todo: "Have the receiver settle what it has pulled sooner, ask for a longer ack_wait, or extend it while it works." },
  exhausted: { text: "As often as its schedule allows it was handed out, and nobody took it.", todo: "Mend what keeps the receiver from taking it, then resend it, or replay all that failed since." },
  not_retried: { text: "It was handed out once and not taken, and the schedule allows no other time.", todo: "Mend the receiver, then resend it. To have it handed out again by itself give the endpoint a retry schedule." },
};

// reworded are the words of a reason for what is pulled: those of the others, unless they
// speak of requests.
export const reworded = (explain, pull) => (reason) => (pull && own[reason]) || explain(reason);
