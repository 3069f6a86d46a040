// Routes are what follows # in the address: #/t/acme/endpoints/ep_1?tab=key.

const routes = [];

// route names a page by a pattern like "/t/:tenant/endpoints/:id". load imports its
// module, whose page(ctx) makes the node.
export function route(pattern, load, nav) {
  routes.push({ parts: pattern.split("/"), load, nav });
}

// match finds the page of an address, with its parameters and query.
export function match(hash) {
  const [path, search] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = path.split("/");
  for (const candidate of routes) {
    const params = fits(candidate.parts, parts);
    if (params) return { ...candidate, params, query: Object.fromEntries(new URLSearchParams(search ?? "")) };
  }
  return null;
}

function fits(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [i, want] of pattern.entries()) {
    if (!want.startsWith(":")) {
      if (want !== parts[i]) return null;
      continue;
    }
    try {
      params[want.slice(1)] = decodeURIComponent(parts[i]);
    } catch {
      return null; // %zz
    }
    if (parts[i] === "") return null;
  }
  return params;
}

// to is the address of a page of a tenant: to("acme", ["endpoints", id], {tab: 1}).
export function to(tenant, parts, query) {
  const path = ["#/t", tenant, ...parts].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");
  const used = Object.entries(query ?? {}).filter(([, value]) => value !== "" && value !== undefined && value !== null && value !== false);
  return used.length ? `${path}?${new URLSearchParams(used)}` : path;
}

// go opens a page.
export function go(hash) {
  if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}
