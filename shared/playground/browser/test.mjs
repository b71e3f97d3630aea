// Tries the page in a headless Chromium: what it shows, that a keyboard is enough, that nothing leaves it, and that
// axe-core finds nothing to complain of in light and dark.
//
//   node test.mjs <browser> <page> <axe.min.js>
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Chromium } from "./chromium.mjs";

const [binary, page, axe] = process.argv.slice(2);
let browser;

before(async () => {
  browser = new Chromium(binary);
  await browser.open(pathToFileURL(page).href);
  await browser.until("document.readyState === 'complete' && document.getElementById('example').length > 0");
});
after(() => browser.close());

const status = () => browser.evaluate("document.getElementById('status').textContent");
const told = () => browser.evaluate("document.getElementById('told').innerText");
const focused = () => browser.evaluate("document.activeElement.id || document.activeElement.name");

// Chooses an example by a part of its name, and tries it.
async function tryExample(name) {
  await browser.evaluate(`(() => {
    const select = document.getElementById("example");
    select.value = [...select.options].find((option) => option.text.includes(${JSON.stringify(name)})).value;
    document.getElementById("load").click();
    document.getElementById("try").click();
  })()`);
}

test("a request is explained", async () => {
  await tryExample("without a token");
  assert.match(await status(), /does not reach the upstream, the client receives 401/);
  const text = await told();
  for (const part of ["jwt-auth", "denied", "audit record", "credential_missing"]) assert.ok(text.includes(part), `${part}: ${text}`);
});

test("a response is redacted for its caller", async () => {
  await tryExample("a patient's record");
  assert.match(await status(), /reaches the upstream, the client receives 200/);
  assert.match(await told(), /\[EMAIL\]/);
});

test("requests in a row are counted", async () => {
  await tryExample("25th");
  assert.match(await status(), /receives 429/);
});

// Puts a text into a field.
const fill = (id, text) => browser.evaluate(`void (document.getElementById("${id}").value = ${JSON.stringify(text)})`);
const press = (id) => browser.evaluate(`document.getElementById("${id}").click()`);

test("a certificate of the client opens what asks for it", async () => {
  await tryExample("a certificate");
  assert.match(await status(), /reaches the upstream, the client receives 200/);
  await fill("certificate", "uri_san=spiffe://example.com/ns/shop/sa/job");
  await press("try");
  assert.match(await status(), /does not reach the upstream, the client receives 403/);
  await tryExample("a certificate");
  await fill("tls", "1.1");
  await press("try");
  assert.match(await status(), /the client receives 403/);
});

test("a mistake among the folded fields unfolds them", async () => {
  await tryExample("without a token");
  assert.equal(await browser.evaluate("document.getElementById('certificate').checkVisibility()"), false);
  await fill("certificate", "san=spiffe://example.com/job");
  await press("try");
  assert.match(await told(), /^What the proxy tells of the client's certificate.*there are uri_san, dns_san/);
  assert.equal(await browser.evaluate("document.getElementById('certificate').getAttribute('aria-invalid')"), "true");
  assert.equal(await browser.evaluate("document.getElementById('certificate').checkVisibility()"), true);
});

test("a body is redacted", async () => {
  await tryExample("Redaction");
  assert.match(await status(), /^[1-9]\d* found/);
  assert.match(await told(), /\[EMAIL\]/);
});

test("a token is judged, and its signature is not shown", async () => {
  await tryExample("Token");
  assert.equal(await status(), "The token is refused.");
  const text = await told();
  assert.match(text, /token_expired/);
  assert.ok(!text.includes("dBjf"));
});

test("findings lead to their place", async () => {
  await tryExample("mistakes");
  assert.match(await status(), /The configuration has [2-9] errors/);
  const marked = await browser.evaluate(`(() => {
    const item = [...document.querySelectorAll(".findings li")].find((item) => item.textContent.includes("fortnight"));
    item.querySelector("button").click();
    const field = document.activeElement;
    return field.value.slice(field.selectionStart, field.selectionEnd);
  })()`);
  assert.equal(marked, '"100/fortnight"');
});

test("a mistake in a field is told with its label, and the field is marked", async () => {
  await tryExample("without a token");
  await browser.evaluate("document.getElementById('client').value = 'nobody'; document.getElementById('try').click()");
  assert.match(await told(), /^Address of the client: /);
  assert.equal(await browser.evaluate("document.getElementById('client').getAttribute('aria-invalid')"), "true");
});

test("what is pasted is text, whatever it looks like", async () => {
  await tryExample("Redaction");
  const markup = '{"note": "<img src=x onerror=alert(1)><b>bold</b> ann@example.com"}';
  await browser.evaluate(`document.getElementById("body").value = ${JSON.stringify(markup)}; document.getElementById("try").click()`);
  assert.match(await told(), /<b>bold<\/b>/);
  assert.equal(await browser.evaluate("document.querySelectorAll('#told img, #told b').length"), 0);
});

test("a keyboard is enough, in the order of the page", async () => {
  // From the top.
  await browser.evaluate("(document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'))");
  const order = [];
  for (let step = 0; step < 60 && !order.includes("try"); step++) {
    await browser.press("Tab");
    order.push(await focused());
  }
  const wanted = ["example", "load", "what", "configuration", "filter", "body", "try"];
  assert.deepEqual(order.filter((id) => wanted.includes(id)), wanted);
  await browser.evaluate("document.getElementById('told').replaceChildren()");
  await browser.press("Enter");
  assert.notEqual(await told(), "");
  await browser.evaluate("document.getElementById('told').replaceChildren(); document.getElementById('configuration').focus()");
  await browser.press("Enter", 2);
  assert.notEqual(await told(), "");
});

for (const scheme of ["light", "dark"]) {
  test(`axe-core finds nothing in ${scheme}`, async () => {
    await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    // The policy of the page lets no script in; the protocol of the browser does.
    await browser.evaluate(readFileSync(axe, "utf8"));
    for (const example of ["without a token", "a certificate", "mistakes", "Redaction", "Token"]) {
      await tryExample(example);
      const found = await browser.evaluate("axe.run().then((result) => result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html) })))");
      assert.deepEqual(found, [], `${example} in ${scheme}`);
    }
  });
}

test("nothing was asked of a network, and nothing went wrong", () => {
  const requests = browser.events
    .filter(({ method }) => method === "Network.requestWillBeSent")
    .map(({ params }) => params.request.url)
    .filter((url) => !url.startsWith("file:") && !url.startsWith("data:") && !url.startsWith("blob:"));
  assert.deepEqual(requests, []);
  const wrong = browser.events.filter(({ method, params }) =>
    method === "Runtime.exceptionThrown" || (method === "Log.entryAdded" && params.entry.level === "error"));
  assert.deepEqual(wrong, []);
});

test("its own policy keeps the page from every network", async () => {
  const refused = await browser.evaluate(`new Promise((done) => {
    document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
    fetch("http://127.0.0.1:9/").then(() => done("nothing"), () => {});
  })`);
  assert.equal(refused, "connect-src");
});
