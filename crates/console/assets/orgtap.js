// What a page does beyond showing itself: it stays current, filters as one types, and shows a
// connection test while it runs. Every page works without this file too.

"use strict";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

// --- Ages: "45 seconds ago", counted on from the server's time.

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const skew = Date.parse(document.documentElement.dataset.now ?? "") - Date.now() || 0;

function age(then) {
  const seconds = Math.max(0, Math.round((Date.now() + skew - then) / 1000));
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "second"];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

function tellAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = age(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// --- Live regions: the page is asked for again, and what is marked in it takes its new form.

const LIVE = "[data-live]";
/** An answer that takes longer is none, milliseconds. */
const PATIENCE = 10000;
let asked = 0;
let answered = Date.now();

/** Says since when the page is not current any more; after an answer nothing. */
function tellSilence(isSilent) {
  if (!isSilent) answered = Date.now();
  const since = new Date(answered + skew).toISOString().slice(11, 19);
  const text = isSilent ? `No answer from Orgtap since ${since} UTC. What you see is as of then.` : "";
  const place = document.getElementById("silence");
  if (place && place.textContent !== text) place.textContent = text;
}

async function refresh(address) {
  const turn = ++asked;
  let answer;
  try {
    answer = await fetch(address, {
      headers: { accept: "text/html", "x-live": "1" },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    if (turn === asked) tellSilence(true);
    return;
  }
  tellSilence(answer.status >= 500);
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    // The session has ended: the sign-in comes back here.
    location.reload();
    return;
  }
  if (!answer.ok || turn !== asked) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of document.querySelectorAll(LIVE)) {
    const next = fresh.getElementById(region.id);
    if (!next) continue;
    for (const opened of region.querySelectorAll("details[id][open]")) {
      next.querySelector(`#${CSS.escape(opened.id)}`)?.setAttribute("open", "");
    }
    if (region.innerHTML === next.innerHTML) continue;
    const held = region.contains(document.activeElement) ? document.activeElement : null;
    // Nothing is taken from under the hands of somebody who types there.
    if (held?.matches("input, select, textarea")) continue;
    region.replaceChildren(...next.childNodes);
    const key = held?.id || held?.dataset.focus;
    if (key) {
      document.querySelector(`#${CSS.escape(key)}, [data-focus="${CSS.escape(key)}"]`)?.focus();
    }
  }
  tellAges();
}

if (document.querySelector(LIVE)) {
  setInterval(() => document.hidden || refresh(location.href), 3000);
}
tellAges();
setInterval(tellAges, 1000);

// --- Filters: a form that asks is answered as one types.

for (const form of document.querySelectorAll("form[data-filter]")) {
  let wait;
  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      const query = new URLSearchParams(new FormData(form));
      const address = `${form.getAttribute("action") || location.pathname}?${query}`;
      history.replaceState(null, "", address);
      refresh(address);
    }, 200);
  });
}

// --- Test Connection: its stages as they happen.

const STAGES = ["Configuration", "Authentication", "Fetch Logs", "Validation", "Destination"];

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function board(place) {
  const list = element("ol", "stages");
  const items = new Map(STAGES.map((name) => {
    const item = element("li");
    item.append(element("span", "", name), element("ul"));
    list.append(item);
    return [name, item];
  }));
  place.replaceChildren(list);
  return items;
}

function verdict(place, report) {
  const at = element("time", "", age(Date.parse(report.at)));
  at.dateTime = report.at;
  at.dataset.age = "";
  const line = element("p");
  const word = element("strong", report.successful ? "good" : "bad", report.message);
  line.append(word, " · ", at);
  const box = element("div", `notice ${report.successful ? "good" : "bad"}`);
  box.append(line);
  const problem = report.stages.map((stage) => stage.problem).find(Boolean);
  if (problem) {
    box.append(element("p", "", problem.message));
    if (problem.cause) box.append(element("p", "soft", problem.cause));
    if (problem.remedy) box.append(element("p", "", `What to do: ${problem.remedy}`));
    const link = element("a", "", problem.code);
    link.href = `/help/${encodeURIComponent(problem.code)}`;
    const more = element("p", "small");
    more.append(link);
    box.append(more);
  } else if (report.collects) {
    box.append(element("p", "", report.collects));
  }
  place.prepend(box);
}

function show(items, line) {
  const item = items.get(line.stage);
  if (!item) return;
  if (line.event === "began") {
    item.className = "running";
  } else if (line.event === "found") {
    const level = line.finding.level === "warning" ? "warning" : "";
    item.querySelector("ul").append(element("li", level, line.finding.text));
  } else if (line.event === "ended") {
    item.className = line.report.message ? "failed" : "passed";
    if (line.report.message) item.querySelector("ul").append(element("li", "error", line.report.message));
  }
}

async function test(form) {
  const place = document.getElementById(form.dataset.test);
  const button = form.querySelector("button");
  button.disabled = true;
  place.setAttribute("aria-busy", "true");
  const items = board(place);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "x-csrf-token": csrf, accept: "application/x-ndjson" },
    });
    if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + (value ?? "")).split("\n");
      rest = lines.pop();
      for (const text of lines) {
        if (!text) continue;
        const line = JSON.parse(text);
        if (line.event === "report") verdict(place, line.report);
        else if (line.event === "failed") throw new Error(line.problem.message);
        else show(items, line);
      }
      if (done) break;
    }
  } catch (error) {
    const box = element("div", "notice bad", `The test could not be run: ${error.message}`);
    place.prepend(box);
  } finally {
    place.removeAttribute("aria-busy");
    button.disabled = false;
  }
}

// What was done is told once, not at every reload.
const here = new URL(location);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

for (const form of document.querySelectorAll("form[data-test]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    test(form);
  });
  if (form.dataset.begin !== undefined) test(form);
}
