// What the page does: it asks the module, and shows what it says. Everything is text, never markup.
"use strict";
(() => {
  const field = (id) => document.getElementById(id);
  const status = field("status");
  const told = field("told");
  const TEXTS = [
    "configuration", "filter", "request", "header", "request-body", "claims", "jwks", "client", "route", "tls", "certificate",
    "host", "at", "response", "response-header", "body", "env", "times", "token", "content-type",
  ];
  let examples = [];
  let isReady = false;

  // An element with attributes and contents.
  function make(name, attributes, ...contents) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...contents);
    return element;
  }

  function say(text, tone = "") {
    status.textContent = text;
    status.className = tone;
  }

  const what = () => document.querySelector("input[name=what]:checked").value;

  function showSections() {
    for (const section of document.querySelectorAll("[data-for]")) {
      section.hidden = !section.dataset.for.split(" ").includes(what());
    }
    field("body-title").textContent = what() === "body" ? "Body" : "Body of the response";
  }

  function load(example) {
    for (const id of TEXTS) field(id).value = example[id] ?? "";
    document.querySelector(`input[name=what][value=${example.what}]`).checked = true;
    const more = field("form").querySelector("details");
    more.open = TEXTS.some((id) => example[id] && more.contains(field(id)));
    showSections();
    clear();
    say(`Loaded: ${example.name}. Press "Try it".`);
  }

  function clear() {
    told.replaceChildren();
    for (const id of TEXTS) field(id).removeAttribute("aria-invalid");
  }

  function question() {
    const asked = { now: Date.now() };
    for (const id of TEXTS) asked[id] = field(id).value;
    return JSON.stringify(asked);
  }

  const ask = (verb) => JSON.parse(wasm_bindgen[verb](question()));

  // The place of a finding, marked in the field.
  function goTo(finding) {
    const area = field("configuration");
    area.focus();
    area.setSelectionRange(finding.span[0], finding.span[1]);
    const lines = area.value.split("\n").length;
    area.scrollTop = (area.scrollHeight / lines) * Math.max(0, finding.line - 4);
  }

  function showFindings(findings) {
    told.append(make("h3", {}, "Configuration"));
    if (findings.length === 0) {
      told.append(make("p", {}, "Nothing is wrong with it."));
      return;
    }
    const list = make("ul", { class: "findings" });
    for (const finding of findings) {
      const item = make("li", { class: finding.level });
      const path = finding.path ? `${finding.path}: ` : "";
      item.append(make("span", { class: "level" }, finding.level), ` ${finding.code} ${path}${finding.message}`);
      if (finding.hint) item.append(make("p", { class: "note" }, finding.hint));
      if (finding.span) {
        const button = make("button", { type: "button" }, `Go to line ${finding.line}`);
        button.addEventListener("click", () => goTo(finding));
        item.append(" ", button);
      }
      item.append(make("details", {}, make("summary", {}, `What ${finding.code} means`), make("p", {}, finding.about)));
      list.append(item);
    }
    told.append(list);
  }

  function showLines(title, lines) {
    told.append(make("h3", {}, title));
    const list = make("ul", { class: "lines" });
    for (const line of lines) list.append(make("li", {}, line));
    told.append(list);
  }

  function showText(title, text) {
    told.append(make("h3", {}, title), make("pre", { tabindex: "0", "aria-label": title }, text));
  }

  function showError(answer) {
    const id = answer.field === "config" ? "configuration" : answer.field;
    const wrong = id && field(id);
    if (wrong) {
      wrong.setAttribute("aria-invalid", "true");
      const folded = wrong.closest("details");
      if (folded) folded.open = true;
    }
    const label = wrong && document.querySelector(`label[for="${id}"]`);
    const text = label ? `${label.textContent}: ${answer.error}` : answer.error;
    told.append(make("p", {}, text));
    say("It could not be tried.", "bad");
  }

  const shows = {
    check(findings) {
      say(summary(findings), findings.some((finding) => finding.level === "error") ? "bad" : "good");
    },
    request() {
      const answer = ask("explain");
      if (answer.error) return showError(answer);
      for (const chapter of answer.chapters) {
        // A record is a document, to be read as a whole.
        if (chapter.title === "audit record") showText(chapter.title, chapter.lines.join("\n"));
        else showLines(chapter.title, chapter.lines);
      }
      const code = answer.document.response.status;
      const passes = answer.document.upstream ? "reaches the upstream" : "does not reach the upstream";
      say(`${answer.title}: the request ${passes}, the client receives ${code}.`, code < 400 ? "good" : "bad");
    },
    body() {
      const answer = ask("redact");
      if (answer.error) return showError(answer);
      for (const remark of answer.remarks) told.append(make("p", {}, remark));
      if (answer.findings.length > 0) {
        const row = (cell, words) => make("tr", {}, ...words.map((word) => make(cell, cell === "th" ? { scope: "col" } : {}, word)));
        const table = make("table", {}, make("caption", {}, "What was found"));
        table.append(make("thead", {}, row("th", ["Byte", "Kind", "Rule", "Found", "Becomes"])));
        const rows = answer.findings.map((found) =>
          row("td", [String(found.offset), found.type, found.rule, found.old, found.new ?? "(stays)"]));
        table.append(make("tbody", {}, ...rows));
        told.append(table);
      }
      showText("The body as it leaves", answer.body);
      say(`${answer.findings.length} found.`, "good");
    },
    token() {
      const answer = ask("judge");
      if (answer.error) return showError(answer);
      const verdicts = answer.providers.map((provider) =>
        provider.accepted ? `${provider.provider}: accepted` : `${provider.provider}: ${provider.code}: ${provider.message}`);
      if (verdicts.length > 0) showLines("Providers", verdicts);
      showText("Header", JSON.stringify(answer.header, null, 2));
      showText("Claims", JSON.stringify(answer.claims, null, 2));
      const accepted = answer.providers.some((provider) => provider.accepted);
      if (verdicts.length === 0) say("Taken apart. A configuration says against what to judge it.");
      else say(accepted ? "The token is accepted." : "The token is refused.", accepted ? "good" : "bad");
    },
  };

  function summary(findings) {
    const errors = findings.filter((finding) => finding.level === "error").length;
    const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    if (findings.length === 0) return "The configuration is right.";
    return `The configuration has ${count(errors, "error")} and ${count(findings.length - errors, "warning")}.`;
  }

  function answer() {
    if (!isReady) return;
    clear();
    try {
      // A token can be taken apart without a configuration.
      const findings = what() === "token" && !field("configuration").value.trim() ? [] : ask("check").findings;
      const isRefused = findings.some((finding) => finding.level === "error");
      if (isRefused || what() === "check") {
        shows.check(findings);
        showFindings(findings);
      } else {
        shows[what()]();
        if (findings.length > 0) showFindings(findings);
      }
    } catch (error) {
      // A module that has failed is not asked again.
      isReady = false;
      say("This page has failed: please report what was in its fields, and reload it.", "bad");
      showText("What went wrong", String(error));
    }
    field("result").scrollIntoView({ block: "nearest" });
  }

  async function start() {
    const base64 = field("module").textContent.trim();
    const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    await wasm_bindgen({ module_or_path: await new Response(stream).arrayBuffer() });
    isReady = true;
  }

  field("form").addEventListener("submit", (event) => {
    event.preventDefault();
    answer();
  });
  field("form").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      answer();
    }
  });
  for (const choice of document.querySelectorAll("input[name=what]")) choice.addEventListener("change", showSections);
  field("load").addEventListener("click", () => load(examples[Number(field("example").value)]));

  showSections();
  start().then(
    () => {
      examples = JSON.parse(wasm_bindgen.examples());
      examples.forEach((example, number) => field("example").append(make("option", { value: number }, example.name)));
      load(examples[0]);
    },
    (error) => say(`The filters cannot be loaded: ${error}`, "bad"),
  );
})();
