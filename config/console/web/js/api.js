// Calls of the public API. The token goes in a header, so that no other site can
// have this browser make a call.

import { session, signOut } from "./session.js";

// Problem is an answer that is an error, or none at all (status 0). Its message is
// what the API says to do.
export class Problem extends Error {
  constructor(status, detail, code, field) {
    super(detail);
    this.status = status;
    this.code = code ?? "";
    this.field = field ?? "";
  }
}

const patience = 20_000; // milliseconds
const silence = 10_000; // milliseconds: a stream tells something each second

// get reads JSON. Query leaves out what is empty.
export const get = (path, query, signal) => call("GET", path, { query, signal });

// post sends JSON, or nothing if body is undefined.
export const post = (path, body, signal) => call("POST", path, { body, signal });

export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path, condition) => call("DELETE", path, { condition });

// put defines what the path names, if condition holds: {"If-Match": version}.
export const put = (path, body, condition) => call("PUT", path, { body, condition });

// call makes a request. It ends with signal, or after timeout milliseconds.
export async function call(method, path, { query, body, signal, type, timeout = patience, token, condition } = {}) {
  const answer = await send(method, path, { query, body, signal, type, timeout, token, condition });
  if (answer.status === 204) return null;
  return read(answer, signal);
}

// versioned reads JSON with its version, for the condition of a change: {value, version}.
export async function versioned(path, signal) {
  const answer = await send("GET", path, { signal, timeout: patience });
  return { value: await read(answer, signal), version: answer.headers.get("ETag") };
}

async function read(answer, signal) {
  try {
    return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(answer.status, "The answer is not JSON: something between this page and Tidings may have changed it. Try again.");
  }
}

async function send(method, path, { query, body, signal, type, timeout, token, condition }) {
  const slow = AbortSignal.timeout(timeout);
  const headers = { Accept: "application/json", Authorization: `Bearer ${token ?? session.token}`, ...condition };
  const init = { method, headers, cache: "no-store", credentials: "omit", redirect: "error" };
  init.signal = signal ? AbortSignal.any([signal, slow]) : slow;
  if (body !== undefined) {
    headers["Content-Type"] = type ?? "application/json";
    init.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(address(path, query), init);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (slow.aborted) {
      throw new Problem(0, `No answer in ${timeout / 1000} seconds. Try again, or ask for less: a shorter time or one endpoint.`, "timeout");
    }
    throw new Problem(0, "Tidings cannot be reached. Check your connection and that the process runs, then try again.", "unreachable");
  }
  if (answer.ok) return answer;
  throw await refused(answer, token);
}

async function refused(answer, token) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch { /* not ours: the status has to do */ }
  const said = problem.detail ?? `The server answered ${answer.status}. Try again in a moment.`;
  if (answer.status === 401 && token === undefined) signOut(said);
  return new Problem(answer.status, said, problem.code, problem.field);
}

// address is a path with its query.
export function address(path, query) {
  const used = Object.entries(query ?? {}).filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return used.length ? `${path}?${new URLSearchParams(used.map(([name, value]) => [name, String(value)]))}` : path;
}

// at is a path of the tenant: at("acme", "endpoints", id). Each part is escaped.
export function at(tenant, ...parts) {
  return ["/v1/tenants", tenant, ...parts].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");
}

// all reads a list to its end, or to the limit.
export async function all(path, query, signal, limit = 1000) {
  const items = [];
  let cursor = "";
  do {
    const page = await get(path, { ...query, limit: 200, cursor }, signal);
    items.push(...page.items);
    cursor = page.next ?? "";
  } while (cursor && items.length < limit);
  return items;
}

// stream reads server-sent events until it is aborted, ends or falls silent, and calls
// on(event, data) for each. EventSource cannot be used: it sends no token.
export async function stream(path, signal, on) {
  const silent = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), silence);
  };
  heard();
  try {
    const answer = await fetch(path, {
      headers: { Accept: "text/event-stream", Authorization: `Bearer ${session.token}` },
      cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.any([signal, silent.signal]),
    });
    if (!answer.ok) throw await refused(answer);
    await events(answer.body.pipeThrough(new TextDecoderStream()).getReader(), heard, on);
  } finally {
    clearTimeout(timer);
  }
}

async function events(reader, heard, on) {
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    text += value.replaceAll("\r", "");
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      tell(text.slice(0, end), on);
      text = text.slice(end + 2);
    }
  }
}

function tell(block, on) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  if (!data.length) return;
  let parsed;
  try {
    parsed = JSON.parse(data.join("\n"));
  } catch {
    return; // cut short: the next one is whole
  }
  on(name, parsed);
}
