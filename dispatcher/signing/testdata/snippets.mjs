// Runs the snippets of the folder that is its argument. Reads a list of requests
// {snippet, secret, headers, body: base64, now: ms} and writes a list of strings:
// why each is refused, or "".
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const answers = [];
for (const { snippet, secret, headers, body, now } of JSON.parse(readFileSync(0, "utf8"))) {
  const { verify } = await import(pathToFileURL(join(process.argv[2], `${snippet}.mjs`)));
  try {
    const answer = verify(headers, Buffer.from(body, "base64"), secret, now);
    answers.push(answer === undefined ? "" : `it returned ${answer}`);
  } catch (error) {
    answers.push(String(error));
  }
}
process.stdout.write(JSON.stringify(answers));
