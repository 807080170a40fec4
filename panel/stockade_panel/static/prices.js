// Live prices of an account: market data and the account's own events, through the panel's forwarded WebSocket.

"use strict";

const table = document.getElementById("prices");
const state = document.getElementById("prices-state");
const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.symbol, { row, seen: null }]));

function tell(name, text) {
  state.dataset.state = name;
  state.textContent = text;
}

function show(row, name, value) {
  row.querySelector(`[data-price="${name}"]`).textContent = value;
}

function trim(text) {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

function read(message) {
  const data = message.data || message;
  const known = rows.get(data.s);
  if (!known) return;
  if (data.e === "trade") show(known.row, "last", trim(data.p));
  if (data.b && data.a && data.e !== "trade") {
    show(known.row, "bid", trim(data.b));
    show(known.row, "ask", trim(data.a));
  }
  known.seen = Date.now();
}

function open(path, onMessage, onState) {
  let pause = 1000;
  const start = () => {
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.onopen = () => { pause = 1000; onState("live", "live"); };
    socket.onmessage = (event) => onMessage(JSON.parse(event.data));
    socket.onclose = () => {
      onState("cut", "no connection");
      setTimeout(start, pause);
      pause = Math.min(pause * 2, 30000);
    };
    window.addEventListener("pagehide", () => { socket.onclose = null; socket.close(); }, { once: true });
  };
  start();
}

const streams = [...rows.keys()].flatMap((symbol) => [`${symbol.toLowerCase()}@trade`, `${symbol.toLowerCase()}@bookTicker`]);
open(`${table.dataset.address}?streams=${streams.join(",")}`, read, tell);

let change = null;
open(table.dataset.events, () => {
  clearTimeout(change);
  change = setTimeout(() => htmx.trigger(document.body, "exchange-changed"), 300);
}, () => {});

setInterval(() => {
  for (const { row, seen } of rows.values()) {
    if (seen === null) continue;
    const seconds = Math.floor((Date.now() - seen) / 1000);
    show(row, "age", `${seconds} s ago`);
    row.querySelector('[data-price="age"]').classList.toggle("stale", seconds > 15);
  }
}, 1000);
