// Responds with the path of each request as Node.js reads it: by the URL standard, and as before it.
import { createServer } from "node:http";
import url from "node:url";

const read = (reader) => {
  try {
    return reader();
  } catch {
    return null;
  }
};

createServer((request, response) => {
  const readings = {
    "new URL()": read(() => new URL(request.url, "http://localhost").pathname),
    "url.parse()": read(() => url.parse(request.url).pathname),
    "req.url": request.url.split("?")[0],
  };
  response.end(JSON.stringify(readings));
}).listen(Number(process.argv[2]), "127.0.0.1");
