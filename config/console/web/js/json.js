// Reading JSON that a person has written: what is wrong with it, and where. Browsers word
// that in different ways, and often leave out the place.

// parseJSON reads a text. What it throws says by line and column where it is wrong.
export function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const found = mistake(text);
    if (!found) throw new Error(`This is not JSON: ${error.message}.`, { cause: error });
    const before = text.slice(0, found.at);
    throw new Error(`This is not JSON: line ${before.split("\n").length}, column ${found.at - before.lastIndexOf("\n")}: ${found.what}.`, { cause: error });
  }
}

const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.])/y;

class Mistake {
  constructor(at, what) {
    this.at = at;
    this.what = what;
  }
}

// mistake is the first of a text that is no JSON (RFC 8259): where, counted from 0, and what.
export function mistake(text) {
  const at = { text, i: 0 };
  try {
    value(at);
    if (blank(at) !== "") throw new Mistake(at.i, "there is more behind its end");
  } catch (error) {
    if (error instanceof Mistake) return error;
    throw error;
  }
  return null;
}

// blank goes on to the next character that is none, and gives it: empty at the end.
function blank(at) {
  while (at.i < at.text.length && " \t\n\r".includes(at.text[at.i])) at.i += 1;
  return at.text[at.i] ?? "";
}

function value(at) {
  const c = blank(at);
  if (c === "{") return list(at, "}", member);
  if (c === "[") return list(at, "]", value);
  if (c === '"') return token(at, string, "this text has no end, or a \\ or a line break that must be escaped");
  if (c === "") throw new Mistake(at.i, "it ends where a value is missing");
  if (c === "'") throw new Mistake(at.i, "use double quotes");
  return token(at, scalar, "here is no value: text needs double quotes");
}

function member(at) {
  const c = blank(at);
  if (c !== '"') throw new Mistake(at.i, c === "" ? "it ends where a name is missing" : "a name in double quotes is missing");
  token(at, string, "this name has no end");
  if (blank(at) !== ":") throw new Mistake(at.i, "a colon is missing behind the name");
  at.i += 1;
  value(at);
}

function list(at, end, one) {
  const start = at.i;
  at.i += 1;
  if (blank(at) === end) {
    at.i += 1;
    return;
  }
  for (;;) {
    one(at);
    const c = blank(at);
    if (c === "") throw new Mistake(at.i, `it ends, and the ${at.text[start]} of line ${at.text.slice(0, start).split("\n").length} has no ${end}`);
    if (c !== "," && c !== end) throw new Mistake(at.i, `a comma or a ${end} is missing`);
    const comma = at.i;
    at.i += 1;
    if (c === end) return;
    if (blank(at) === end) throw new Mistake(comma, `a comma too many before the ${end}`);
  }
}

function token(at, pattern, otherwise) {
  pattern.lastIndex = at.i;
  const found = pattern.exec(at.text);
  if (!found) throw new Mistake(at.i, otherwise);
  at.i += found[0].length;
}
