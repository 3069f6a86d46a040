// Code by which a receiver verifies what it gets. The texts are files beside this
// one: a test holds those of Node and Python to what the pipe's own tests run.

export const languages = { node: "Node", python: "Python", go: "Go", php: "PHP", ruby: "Ruby", java: "Java" };

const endings = { node: "mjs", python: "py", go: "go", php: "php", ruby: "rb", java: "java" };
const families = { standard: "standard", cloudevents: "standard", roam: "standard", relaybox: "relaybox", oneroute: "oneroute", roq: "roq" };
const notes = {
  standard: "Verify the bytes that came, before a framework parses them. While a key is rotated, accept either key.",
  relaybox: "The signature is over the value of the body in canonical form (RFC 8785), and its timestamp is signed.",
  oneroute: "The signature is over the bytes that came. No time is signed: remember what you have done.",
  roq: "The request carries the key itself. Take it over https only.",
};

// file is the name of a snippet, below the folder of the scripts.
export const file = (dialect, language) => `../snippets/${families[dialect] ?? "standard"}.${endings[language]}.txt`;

export async function snippet(dialect, language, signal) {
  const answer = await fetch(new URL(file(dialect, language), import.meta.url), { signal, credentials: "omit" });
  if (!answer.ok) throw Object.assign(new Error("The snippet did not come. If Tidings was replaced by another version, load this page anew."), { status: answer.status });
  return { text: await answer.text(), note: notes[families[dialect] ?? "standard"] };
}
