// A Chromium without a window, asked through the pipes of its DevTools protocol.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Chromium {
  #process;
  #folder = mkdtempSync(join(tmpdir(), "meshward-chromium-"));
  #next = 1;
  #waiting = new Map();
  #buffer = "";
  #session;
  // Every message of the protocol that is no response: { method, params }.
  events = [];

  constructor(binary) {
    const options = [
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#folder}`, "about:blank",
    ];
    this.#process = spawn(binary, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.#process.on("exit", () => {
      for (const { fail } of this.#waiting.values()) fail(new Error("the browser has ended"));
    });
    this.#process.stdio[4].setEncoding("utf8");
    this.#process.stdio[4].on("data", (text) => this.#take(text));
  }

  #take(text) {
    const messages = (this.#buffer + text).split("\0");
    this.#buffer = messages.pop();
    for (const message of messages.map((message) => JSON.parse(message))) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) this.events.push(message);
      else if (message.error) waiting.fail(new Error(JSON.stringify(message.error)));
      else waiting.done(message.result);
    }
  }

  send(method, params = {}) {
    const id = this.#next++;
    const sessionId = this.#session;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, fail) => this.#waiting.set(id, { done, fail }));
  }

  // Opens a page, whose console, exceptions and requests are events from then on.
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await this.send(`${domain}.enable`);
    await this.send("Page.navigate", { url });
  }

  // What an expression is in the page; awaited if it is a promise.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // Waits until an expression holds.
  async until(expression) {
    const end = Date.now() + 60_000;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`still not: ${expression}`);
      await this.evaluate("new Promise((done) => setTimeout(done, 20))");
    }
  }

  async press(key, modifiers = 0) {
    const codes = { Tab: 9, Enter: 13, " ": 32, ArrowDown: 40 };
    const text = { Enter: "\r", " ": " " }[key];
    const event = { key, modifiers, windowsVirtualKeyCode: codes[key], code: key === " " ? "Space" : key };
    await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", text, ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async close() {
    const ended = new Promise((done) => this.#process.on("exit", done));
    this.#process.kill();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
