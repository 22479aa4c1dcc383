// A person's way through the console, in a real browser: first link, form, a test that fails and
// one that succeeds, status, pause, export, insights; at a desk and on a phone, in light and dark.
//
// Told by the environment: CONSOLE (address), LINK (one-time link), ORG (JSON: the eight fields and a
// wrong password), SHOTS (folder for pictures), MODULES (folder of node_modules).
// Says what it sees, a line each; ends with 1 at the first thing that is not as it should be.

import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const { CONSOLE, LINK, ORG, SHOTS, MODULES } = process.env;
const require = createRequire(path.join(MODULES, "any.js"));
const { chromium } = require("playwright-core");
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const org = JSON.parse(ORG);
const FIRST_SCREEN = 150 * 1024;
const WAIT = 60_000;
const SCREENS = [
  { name: "desk", viewport: { width: 1360, height: 900 } },
  { name: "phone", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];

const wrong = [];
const say = (text) => console.log(text);
const check = (is, text) => {
  say(`${is ? "ok  " : "NOT "} ${text}`);
  if (!is) wrong.push(text);
};
/** A page that a click leads to may come later than the click ends. */
const shows = async (locator, text) =>
  check(await locator.first().waitFor({ timeout: WAIT }).then(() => true, () => false), text);

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// --- The way itself, at a desk.

const desk = await browser.newContext({ viewport: SCREENS[0].viewport, acceptDownloads: true });
const page = await desk.newPage();
const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));

async function shot(page, name) {
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
}

await page.goto(LINK);
await shot(page, "00-first-link-desk-light");
await page.getByLabel("Name").fill("ada");
await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
await page.getByLabel("Password once more").fill("correct horse battery");
await page.getByRole("button", { name: "Sign in with this" }).click();
await page.getByRole("link", { name: "Collection Status" }).waitFor();
check(true, "the one-time link leads to a name, a password, and in");

await page.goto(LINK);
await page.getByLabel("Name", { exact: true }).fill("eve");
await page.getByLabel("Password", { exact: true }).fill("incorrect horse battery");
await page.getByLabel("Password once more").fill("incorrect horse battery");
await page.getByRole("button", { name: "Sign in with this" }).click();
await shows(page.getByText("OT-WEB-07"), "the link works once");

await page.goto(`${CONSOLE}/status`);
await shows(page.getByText("No connector yet."), "a new console says that there is no connector yet");
await shot(page, "01-empty-desk-light");

await page.getByRole("link", { name: /add the first connector/i }).click();
for (const label of ["Connector Name", "Connector Type", "Instance URL", "Salesforce User",
  "Salesforce User Password", "Consumer key", "Consumer secret", "Security Token"]) {
  await shows(page.getByLabel(label, { exact: true }), `the form has DNIF's field ${label}`);
}
await page.getByRole("button", { name: "Save" }).click();
await shows(page.getByRole("alert").or(page.locator(".error").first()),
  "an empty form is refused, and says where");
await shot(page, "02-form-refused-desk-light");

const fill = async (label, value) => page.getByLabel(label, { exact: true }).fill(value);
await fill("Connector Name", "acme");
await fill("Instance URL", org.instance_url);
await fill("Salesforce User", org.user);
await fill("Salesforce User Password", org.wrong_password);
await fill("Consumer key", org.consumer_key);
await fill("Consumer secret", org.consumer_secret);
await fill("Security Token", org.security_token);
await page.getByRole("button", { name: "Save" }).click();
await page.locator("#test .notice.bad").waitFor({ timeout: WAIT });
const failed = await page.locator("#test").innerText();
check(failed.includes("Authentication Stage:"), "a wrong password fails in the Authentication stage");
check(failed.includes("What to do:"), "and the page says what to do");
check(/second/.test(failed), "with its age");
await shot(page, "03-test-failed-desk-light");

const body = await page.content();
for (const secret of [org.wrong_password, org.consumer_key, org.consumer_secret, org.security_token]) {
  check(!body.includes(secret), "no secret comes back into the page");
}

await fill("Salesforce User Password", org.password);
await page.getByRole("button", { name: "Save" }).click();
await page.locator("#test .notice.good").waitFor({ timeout: WAIT });
const tested = await page.locator("#test").innerText();
check(tested.includes("Connection successful"), "with the right one the test ends in Connection successful");
check(/second/.test(tested), "with its age");
check(await page.locator("#test .stages li.passed").count() === 5, "all five stages passed");
await shot(page, "04-test-successful-desk-light");
await page.reload();
check((await page.locator("#test").innerText()).includes("Connection successful"),
  "the last result is kept and shown again");

await page.getByRole("link", { name: "Collection Status" }).click();
await page.locator("#sources .state.active").waitFor({ timeout: WAIT });
check(true, "Collection Status shows it Active, without a reload");
const number = async () => {
  const text = await page.locator("#sources td.num").first().innerText();
  return Number(text.split("\n")[0].replaceAll(",", ""));
};
await page.waitForFunction(() => {
  const cell = document.querySelector("#sources td.num");
  return cell && Number(cell.innerText.split("\n")[0].replaceAll(",", "")) > 0;
}, null, { timeout: WAIT });
check(await number() > 0, "with records");

await page.getByRole("searchbox").fill("nothing like this");
await page.getByText("No source matches.").waitFor({ timeout: WAIT });
await page.getByRole("searchbox").fill("acm");
await page.locator("#sources").getByRole("link", { name: "acme", exact: true }).waitFor({ timeout: WAIT });
check(true, "the list is filtered as one types");
check((await page.getByRole("link", { name: "Export" }).getAttribute("href")).includes("q=acm"),
  "and what is exported is what is shown");
await page.route("**/status*", (route) => route.abort());
await shows(page.getByText("No answer from Orgtap since"), "a page that gets no answer says so");
await page.unroute("**/status*");
await page.locator("#silence:empty").waitFor({ state: "attached", timeout: WAIT });
check(true, "and is silent about it when one comes");

const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export" }).click()]);
const csv = fs.readFileSync(await download.path(), "utf8");
check(csv.split("\r\n")[0].startsWith("Source,") && csv.includes('"acme"'), "Export gives the rows as CSV");

await page.locator("#sources").getByRole("link", { name: "acme", exact: true }).click();
await page.getByRole("button", { name: "Pause" }).click();
await page.locator("#now .state.paused").waitFor({ timeout: WAIT });
check(true, "a paused connector says so");
await shot(page, "05-paused-desk-light");
await page.getByRole("button", { name: "Resume" }).click();
await page.locator("#now .state.active").waitFor({ timeout: WAIT });
check(true, "and goes on when resumed");
const cell = page.locator("#heat a.cell").first();
await cell.waitFor({ timeout: WAIT });
await cell.click();
await shows(page.locator("#cell"), "each hour of the map is explained");

await page.goto(`${CONSOLE}/insights/monitoring`);
await page.locator("#panels svg polyline").first().waitFor({ timeout: WAIT });
const users = page.locator('#panels a[href^="/insights/user/"]');
await users.first().waitFor({ timeout: WAIT });
check(true, "Monitoring Insights fills with what was collected");
await page.getByText("Show as table").first().click();
await shows(page.locator("#panels details[open] tbody tr"), "each chart has its table");
const who = await users.first().innerText();
await users.first().click();
await page.waitForURL(/insights\/user/);
await shows(page.locator("#panels tbody tr"), "a user leads to the user's time line");
check(who.includes("@"), "users are shown by name");
await shot(page, "06-time-line-desk-light");
await page.goto(`${CONSOLE}/insights/security`);
await page.locator("#panels svg polyline").first().waitFor({ timeout: WAIT });
check(true, "Security Insights shows sign-ins over time");

// --- By keyboard alone.

await page.goto(`${CONSOLE}/status`);
await page.keyboard.press("Tab");
check((await page.evaluate(() => document.activeElement.textContent)) === "Skip to the content",
  "the first stop of the keyboard leads past the menu");
await page.keyboard.press("Enter");
check((await page.evaluate(() => document.activeElement.id)) === "main", "and it goes to the content");

// --- Every page, on every screen: what axe finds, nothing that sticks out, nothing heavy.

const state = await desk.storageState();
const PAGES = [
  ["status", "/status"],
  ["connectors", "/connectors"],
  ["form", "/connectors/acme/edit"],
  ["new", "/connectors/new"],
  ["remove", "/connectors/acme/remove"],
  ["connector", "/connectors/acme"],
  ["monitoring", "/insights/monitoring"],
  ["security", "/insights/security"],
  ["people", "/people"],
  ["tokens", "/tokens"],
  ["audit", "/audit"],
  ["account", "/account"],
  ["help", "/help/OT-AUTH-01"],
];
for (const screen of SCREENS) {
  for (const scheme of SCHEMES) {
    const { name, ...options } = screen;
    const context = await browser.newContext({ ...options, colorScheme: scheme, storageState: state });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && complaints.push(`${name}: ${message.text()}`));
    let weight = 0;
    page.on("response", async (response) => {
      weight += Number((await response.allHeaders())["content-length"] ?? (await response.body().catch(() => "")).length);
    });
    for (const [place, address] of PAGES) {
      weight = 0;
      const answer = await page.goto(`${CONSOLE}${address}`, { waitUntil: "networkidle" });
      check(answer.status() === 200, `${address} answers (${name}, ${scheme})`);
      if (place === "status" && scheme === "light" && name === "desk") {
        check(weight < FIRST_SCREEN, `the first screen weighs ${Math.round(weight / 1024)} KiB`);
      }
      const sticks = await page.evaluate((width) => document.documentElement.scrollWidth - width,
        options.viewport.width);
      check(sticks <= 0, `nothing sticks out of ${address} (${name}, ${scheme}): ${sticks}`);
      await shot(page, `${place}-${name}-${scheme}`);
      // The content security policy forbids scripts of others in the page; the driver may add one.
      await page.evaluate(AXE);
      const found = await page.evaluate(() => axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      }));
      for (const violation of found.violations) {
        const where = violation.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`);
        say(`     ${violation.id}: ${violation.help}\n       ${where.join("\n       ")}`);
      }
      check(found.violations.length === 0, `axe finds nothing on ${address} (${name}, ${scheme})`);
    }
    await context.close();
  }
}

// --- Out again.

await page.goto(`${CONSOLE}/status`);
await page.getByRole("button", { name: "Sign out" }).click();
await page.goto(`${CONSOLE}/connectors`);
check(page.url().includes("/sign-in"), "after signing out, a page asks to sign in");
await shot(page, "07-sign-in-desk-light");
await page.getByLabel("Name").fill("ada");
await page.getByLabel("Password").fill("wrong");
await page.getByRole("button", { name: /sign in/i }).click();
await shows(page.getByText(/name or the password is wrong/i), "a wrong password is refused");
await page.getByLabel("Name").fill("ada");
await page.getByLabel("Password").fill("correct horse battery");
await page.getByRole("button", { name: /sign in/i }).click();
await page.waitForURL(/connectors/, { timeout: WAIT });
check(true, "the right one leads back to the page that was asked for");
const meant = complaints.filter((text) => !/401|403|410|422|Failed to load resource/.test(text));
check(meant.length === 0, `the browser complained of nothing: ${meant.slice(0, 3).join(" | ")}`);

await browser.close();
say(wrong.length === 0 ? "all is well" : `${wrong.length} things are not as they should be`);
process.exit(wrong.length === 0 ? 0 : 1);
