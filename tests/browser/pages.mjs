// Opens pages in a real browser and looks at them as a reader would: node tests/browser/pages.mjs OUT PAGE.html...
//
// Each page is shown 360, 768 and 1440 pixels wide, light and dark. Wrong is: a page wider than its window, letters whose contrast to
// what is behind them is below 4.5 (3 for large ones), an error on the console, a request to anywhere, a picture without a
// name, a plot wider than the window, words in it that are cut off or lie on each other.
// Leaves OUT/NAME-WIDTH-THEME.png, HEIGHT pixels high if that is set; ends with 1 if something was wrong. Needs Node 18 or later, and Chromium (CHROMIUM, default `chromium`).

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [out, ...pages] = process.argv.slice(2);
if (!out || pages.length === 0) {
  console.error("usage: node tests/browser/pages.mjs OUT PAGE.html...");
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "pages-"));
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${profile}`];
const browser = spawn(process.env.CHROMIUM ?? "chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const [sending, receiving] = [browser.stdio[3], browser.stdio[4]];

let last = 0;
let rest = "";
const waiting = new Map();
const heard = [];
receiving.setEncoding("utf8");
receiving.on("data", (text) => {
  const messages = (rest + text).split("\0");
  rest = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    if (message.id === undefined) heard.push(message);
    else {
      const [keep, fail] = waiting.get(message.id);
      waiting.delete(message.id);
      message.error ? fail(new Error(message.error.message)) : keep(message.result);
    }
  }
});

function ask(method, params = {}, sessionId) {
  const id = ++last;
  sending.write(JSON.stringify({ id, method, params, sessionId }) + "\0");
  return new Promise((keep, fail) => waiting.set(id, [keep, fail]));
}

// Runs in the page.
function look() {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`${root.scrollWidth} pixels wide in a window of ${root.clientWidth}`);
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const picture = element.closest("svg");
    if (picture) {
      const paper = picture.querySelector("rect");
      return channels(getComputedStyle(paper).fill);
    }
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let letters = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || element.closest("script, style, title, desc")) continue;
    letters += 1;
    const style = getComputedStyle(element);
    const colour = channels(element.closest("svg") ? style.fill : style.color);
    const [one, other] = [luminance(colour), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (contrast < (large ? 3 : 4.5)) wrong.push(`contrast ${contrast.toFixed(2)}: ${walk.currentNode.data.trim().slice(0, 40)}`);
  }
  if (letters < 20) wrong.push("almost no letters: is this a page?");
  for (const picture of document.querySelectorAll("svg")) {
    const paper = picture.getBoundingClientRect();
    if (paper.width === 0) continue; // drawn for another width
    if (paper.right > root.clientWidth + 1) wrong.push(`a plot ${Math.round(paper.right - root.clientWidth)} pixels beyond the window`);
    const words = [...picture.querySelectorAll("text")].map((word) => [word.textContent, word.getBoundingClientRect()]);
    words.forEach(([text, box], index) => {
      if (box.left < paper.left - 1 || box.right > paper.right + 1) wrong.push(`"${text}" is cut off by the edge of its plot`);
      for (const [other, its] of words.slice(index + 1)) {
        const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
        const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
        if (across > 1 && down > 0.4 * box.height) wrong.push(`"${text}" lies on "${other}"`);
      }
    });
    if (picture.getAttribute("role") !== "img" || !picture.querySelector("title")) wrong.push("a plot without a name");
  }
  for (const image of document.querySelectorAll("img")) if (!image.alt) wrong.push("an image without words");
  return { wrong, height: root.scrollHeight };
}

let failed = 0;
try {
  for (const page of pages) {
    const name = basename(page) === "report.html" ? basename(dirname(resolve(page))) : basename(page, ".html");
    for (const width of [360, 768, 1440]) {
      for (const theme of ["light", "dark"]) {
        const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
        const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
        const tell = (method, params) => ask(method, params, sessionId);
        heard.length = 0;
        for (const domain of ["Page", "Runtime", "Log", "Network"]) await tell(`${domain}.enable`);
        await tell("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: theme }] });
        await tell("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
        const address = pathToFileURL(resolve(page)).href;
        const { errorText } = await tell("Page.navigate", { url: address });
        if (errorText) throw new Error(`${page}: ${errorText}`);
        for (let tries = 0; !heard.some((event) => event.method === "Page.loadEventFired"); tries++) {
          if (tries > 600) throw new Error(`${page} does not load`);
          await new Promise((done) => setTimeout(done, 50));
        }
        // With everything open: what is folded has to be right as well.
        const seen = async (opened) => {
          const expression = `document.querySelectorAll("details").forEach((d) => { d.open = ${opened}; }); (${look})()`;
          const { result, exceptionDetails } = await tell("Runtime.evaluate", { expression, returnByValue: true });
          if (exceptionDetails) throw new Error(exceptionDetails.text + " " + (exceptionDetails.exception?.description ?? ""));
          return result.value;
        };
        const opened = await seen(true);
        const sorting = `(() => { const button = document.querySelector("table.sortable th button"); button?.click(); return !button || button.closest("th").hasAttribute("aria-sort"); })()`;
        const sorts = (await tell("Runtime.evaluate", { expression: sorting, returnByValue: true })).result.value;
        const closed = await seen(false);
        const wrong = new Set([...opened.wrong, ...closed.wrong]);
        if (!sorts) wrong.add("a table does not sort");
        for (const event of heard) {
          const { method, params } = event;
          if (method === "Runtime.exceptionThrown") wrong.add(`exception: ${params.exceptionDetails.text}`);
          if (method === "Runtime.consoleAPICalled" && params.type === "error") wrong.add("an error on the console");
          if (method === "Log.entryAdded" && params.entry.level === "error") wrong.add(`console: ${params.entry.text}`);
          if (method === "Network.requestWillBeSent" && !/^(data:|file:)/.test(params.request.url)) wrong.add(`asks ${params.request.url}`);
        }
        const clip = { x: 0, y: 0, width, height: Math.min(closed.height, Number(process.env.HEIGHT ?? 12000)), scale: 1 };
        const { data } = await tell("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: true });
        writeFileSync(join(out, `${name}-${width}-${theme}.png`), Buffer.from(data, "base64"));
        await ask("Target.closeTarget", { targetId });
        failed += wrong.size;
        console.log(`${name} ${width} ${theme}: ${wrong.size ? [...wrong].join("; ") : "right"}`);
      }
    }
  }
} finally {
  const gone = new Promise((done) => browser.once("exit", done));
  browser.kill();
  await gone;
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failed ? 1 : 0);
