// Keeps a page live: one stream of hints, on which the page's regions read themselves again; ages; copy buttons.

"use strict";

const body = document.body;
const chip = document.getElementById("connection");
const hiddenMilliseconds = 60000; // a tab that nobody looks at gives its connection back after this
const settleMilliseconds = 250; // several hints close together are one reading

const waiting = new Map(); // region -> timer

// What the viewer opened or is typing stays so when a region is read again.
Idiomorph.defaults.ignoreActiveValue = true;
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !(name === "open" && element.tagName === "DETAILS");

function say(state, text) {
  if (chip && chip.dataset.state !== state) {
    chip.dataset.state = state;
    chip.textContent = text;
  }
}

function readAgain(region) {
  if (waiting.has(region)) return;
  waiting.set(region, setTimeout(() => {
    waiting.delete(region);
    // A page that is left may have no session any more: it would only be refused.
    if (leaving) readAgain(region);
    else if (region.isConnected) htmx.trigger(region, "live");
  }, settleMilliseconds));
}

function matches(region, topic, key) {
  return region.dataset.live.split(" ").some((wanted) => {
    const [wantedTopic, wantedKey] = wanted.split(":");
    if (wantedTopic !== topic) return false;
    return wantedKey === "*" || wantedKey === key || (wantedKey.endsWith("/*") && key.startsWith(wantedKey.slice(0, -1)));
  });
}

function readAllAgain() {
  document.querySelectorAll("[data-live]").forEach(readAgain);
}

function readChanged(topic, event) {
  const { namespace, name } = JSON.parse(event.data);
  document.querySelectorAll("[data-live]").forEach((region) => {
    if (matches(region, topic, `${namespace}/${name}`)) readAgain(region);
  });
}

function showHealth(event) {
  const health = JSON.parse(event.data);
  const behind = [["Kubernetes", health.cluster], ["The ledger", health.ledger]]
    .filter(([, since]) => since)
    .map(([what, since]) => `${what} since ${since.slice(0, 19).replace("T", " ")} UTC.`);
  document.getElementById("behind-text").textContent = behind.join(" ");
  document.getElementById("behind").hidden = behind.length === 0;
  say(behind.length ? "behind" : "live", behind.length ? "behind" : "live");
}

// Streams

let stream = null;
let pause = 1000;
let retry = null;
let leaving = false; // logging out ends the stream before the answer is there; a reload would take its place

function connect() {
  clearTimeout(retry);
  stream = new EventSource(body.dataset.stream);
  stream.addEventListener("hello", (event) => { pause = 1000; showHealth(event); readAllAgain(); });
  stream.addEventListener("health", showHealth);
  stream.addEventListener("refresh", readAllAgain);
  stream.addEventListener("end", () => { disconnect(); if (!leaving) location.reload(); });
  for (const topic of ["algorithm", "account", "tenant", "ledger"]) {
    stream.addEventListener(topic, (event) => readChanged(topic, event));
  }
  stream.onerror = () => {
    say("cut", "reconnecting");
    if (stream && stream.readyState === EventSource.CLOSED) {
      // Refused, not interrupted. Meanwhile the page reads itself again at each attempt, and learns why if it must log in.
      disconnect();
      retry = setTimeout(() => { readAllAgain(); connect(); }, pause);
      pause = Math.min(pause * 2, 30000);
    }
  };
}

function disconnect() {
  if (stream) stream.close();
  stream = null;
}

if (body.dataset.stream) {
  connect();
  let timer = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = setTimeout(() => { disconnect(); say("connecting", "paused"); }, hiddenMilliseconds);
    } else if (!stream) {
      connect();
    }
  });
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => { leaving = false; }, 10000);
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// Ages: every live number says how old it is, and shows when it is too old.

function writeAge(seconds) {
  if (seconds >= 86400) return `${Math.floor(seconds / 86400)} d ago`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds >= 60) return `${Math.floor(seconds / 60)} min ago`;
  return `${seconds} s ago`;
}

function writeAges() {
  for (const element of document.querySelectorAll("time[data-age]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dateTime)) / 1000));
    const text = writeAge(seconds);
    if (element.textContent !== text) element.textContent = text;
    if (element.dataset.stale) element.classList.toggle("stale", seconds > Number(element.dataset.stale));
  }
}
setInterval(writeAges, 1000);

// Copy buttons stand right after the text they copy. Without TLS browsers give no clipboard: then the text is selected.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.previousElementSibling;
  getSelection().selectAllChildren(text);
  if (!navigator.clipboard) {
    button.textContent = "Selected";
    return;
  }
  navigator.clipboard.writeText(text.textContent).then(
    () => { button.textContent = "Copied"; },
    () => { button.textContent = "Selected"; },
  );
});
