// The only way in which data becomes part of the page. There is no markup in it: a
// child is a node or becomes a text node, and an attribute is set by name.

const svgNames = "http://www.w3.org/2000/svg";

// h makes an element. Properties: class, on… (functions), css (an object of custom
// or plain properties), prop (an object of DOM properties), and attributes. Null,
// undefined and false leave an attribute or a child out.
export function h(tag, props, ...children) {
  return build(document.createElement(tag), props, children);
}

// svg is h for drawings.
export function svg(tag, props, ...children) {
  return build(document.createElementNS(svgNames, tag), props, children);
}

function build(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) {
      if (typeof value !== "function") throw new TypeError(`${name} takes a function`);
      node.addEventListener(name.slice(2), value);
    } else if (name === "css") {
      for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    } else if (name === "prop") {
      Object.assign(node, value);
    } else if (name === "href" || name === "src") {
      const safe = safeURL(value);
      if (safe !== null) node.setAttribute(name, safe);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(node, children);
  return node;
}

// append adds children, of which some may be lists, text or nothing.
export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// fill replaces what is in a node.
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

// safeURL is the address if following it runs nothing: a place in this page, a path
// of this server, http or https, or an image that is data. Else it is null.
export function safeURL(text) {
  const address = String(text);
  if (address.startsWith("#")) return address;
  if (/^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i.test(address)) return address;
  try {
    const url = new URL(address, location.origin);
    return url.protocol === "https:" || url.protocol === "http:" ? address : null;
  } catch {
    return null;
  }
}

let last = 0;

// newID names an element, for labels.
export function newID(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}

// say has a screen reader read something that is seen anyway.
export function say(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => { announcer.textContent = text; });
}
