// Lists that several pages need, asked for once in a while.

import { all, at, get } from "./api.js";

const kept = new Map();
const fresh = 20_000; // milliseconds

function cached(key, read) {
  const have = kept.get(key);
  if (have && Date.now() - have.when < fresh) return have.list;
  const list = read();
  kept.set(key, { list, when: Date.now() });
  list.catch(() => kept.delete(key));
  return list;
}

const there = new Set(); // tenants that there are

// forget has what was changed asked for anew.
export function forget() {
  kept.clear();
  there.clear();
}

// isThere tells whether there is such a tenant. What cannot be found out is taken for yes:
// whatever is wrong then, the page says.
export async function isThere(tenant, signal) {
  if (there.has(tenant)) return true;
  try {
    await get(at(tenant), {}, signal);
    there.add(tenant);
  } catch (error) {
    return error.status !== 404;
  }
  return true;
}

// endpoints are the first thousand of a tenant. They are not aborted with a page:
// another may wait for them.
export const endpoints = (tenant) => cached(`endpoints ${tenant}`, () => all(at(tenant, "endpoints")));

export const types = (tenant) => cached(`types ${tenant}`, () => all(at(tenant, "types")));

export const tenants = () => cached("tenants", () => all("/v1/tenants"));

// names finds endpoints by their ids. It is empty if they cannot be read, or not soon:
// what is asked for matters more than what it is called.
export async function names(tenant) {
  const late = new Promise((resolve) => setTimeout(resolve, 2000, []));
  try {
    return new Map((await Promise.race([endpoints(tenant), late])).map((e) => [e.id, e.name || e.id]));
  } catch {
    return new Map();
  }
}

// counts are points of a chart, since so many seconds ago.
export function counts(tenant, since, step, signal, endpoint) {
  const from = new Date(Date.now() - since * 1000).toISOString();
  return get(at(tenant, "counts"), { since: from, step, endpoint }, signal).then((page) => page.items);
}

export const sum = (points) => points.reduce((all, p) => {
  for (const key of ["accepted", "matched", "attempts", "delivered", "retried", "dead"]) all[key] += p[key] ?? 0;
  return all;
}, { accepted: 0, matched: 0, attempts: 0, delivered: 0, retried: 0, dead: 0 });

// some runs work for each item, a few at a time.
export async function some(items, work, atOnce = 4) {
  const left = [...items];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  }));
}
