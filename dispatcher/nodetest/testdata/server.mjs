// Answers each request with its own process id, the method and the argument.
import { createServer } from "node:http";

const server = createServer((request, response) =>
  response.end(`${process.pid} ${request.method} ${process.argv[2]}`),
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
