// Who uses this page. The token is kept by the tab, and ends with it.

const key = "tidings.session";

// session is what is known of the token. scope is empty if the server does not say.
export const session = { token: "", name: "", scope: "", tenant: "", expires: "", id: "", link: "" };

// restore takes up the session of this tab.
export function restore() {
  try {
    Object.assign(session, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  } catch { /* nothing kept, or nothing may be */ }
}

// keep stores the session for this tab.
export function keep(values) {
  Object.assign(session, { token: "", name: "", scope: "", tenant: "", expires: "", id: "", link: "" }, values);
  try {
    sessionStorage.setItem(key, JSON.stringify(session));
  } catch { /* then it lasts until the page is loaded anew */ }
}

// signOut forgets the token, and tells the page why: once, though several requests may
// have been refused.
export function signOut(reason = "") {
  const was = session.token !== "";
  for (const name of Object.keys(session)) session[name] = "";
  try {
    sessionStorage.removeItem(key);
  } catch { /* nothing is kept */ }
  if (was) dispatchEvent(new CustomEvent("tidings:signed-out", { detail: reason }));
}

// An unknown scope may all: the API has the last word.
const rights = {
  admin: ["read", "write", "secrets", "publish", "admin"],
  "tenant:write": ["read", "write", "secrets", "publish"],
  "tenant:read": ["read"],
  personal: ["read", "write"],
  publish: ["publish"],
};

// start is the page that is opened first. A personal token sees its user's endpoints,
// and nothing of the tenant as a whole.
export const start = () => (personal() ? "endpoints" : "overview");

export const personal = () => session.scope === "personal";

// mayDefine tells whether the token may change what is the tenant's as a whole, like its
// event types, and erase what is in it.
export const mayDefine = () => may("write") && !personal();

// mayShare tells whether it makes links. One that is a link makes no others.
export const mayShare = () => mayDefine() && !session.link;

// may tells whether the token gives a right, as far as is known.
export function may(right) {
  return rights[session.scope]?.includes(right) ?? right !== "admin";
}
