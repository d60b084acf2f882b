// The page: frames to puppet and bars, status to panels, buttons to remote control.

import { Bars } from "./bars.js";
import { Calibration } from "./calibration.js";
import { Control, openStream } from "./connection.js";
import { byId, setText } from "./dom.js";
import { Panels, chip } from "./panels.js";
import { REST_FRAME } from "./pose.js";
import { Puppet } from "./puppet.js";
import { TEXT } from "./text.js";

const SILENT_MS = 2000;
const MIRROR_KEY = "avatar-bridge.mirror";

// For tests and for the curious: how many frames came, and the newest.
window.avatarBridge = { frames: 0, last: null };

const remembered = () => {
  try {
    return window.localStorage.getItem(MIRROR_KEY) !== "0";
  } catch {
    return true; // storage is forbidden in some embedded browsers
  }
};

const view = { puppet: null, bars: null, mirror: remembered(), times: [], latencies: [], pending: false, absent: true, line: "connecting" };
const panels = new Panels();

// --- frames ---

function onHello(hello) {
  view.puppet ??= new Puppet(byId("puppet"), { names: hello.names, mirror: view.mirror });
  view.bars ??= new Bars(byId("channels"), hello);
  ask();
}

function onFrame(frame) {
  window.avatarBridge.frames += 1;
  window.avatarBridge.last = frame;
  const now = performance.now();
  view.times.push(now);
  view.latencies.push(frame.latency_ms);
  [view.absent, view.lastFrame] = [false, now];
  while (now - view.times[0] > 1000) {
    view.times.shift();
    view.latencies.shift();
  }
  ask();
}

function ask() {
  if (!view.pending) {
    view.pending = true;
    window.requestAnimationFrame(show);
  }
}

function show(now) {
  view.pending = false;
  if (!view.puppet) {
    return;
  }
  const frame = newest();
  const wait = view.puppet.draw(frame);
  view.bars.update(frame.weights, now);
  if (wait) {
    window.setTimeout(ask, wait);
  }
}

// What is to be seen: the newest frame, or rest when none comes any more.
function newest() {
  return (!view.absent && window.avatarBridge.last) || REST_FRAME;
}

// --- figures, a few times a second ---

function figures() {
  const now = performance.now();
  while (view.times.length && now - view.times[0] > 1000) {
    view.times.shift();
    view.latencies.shift();
  }
  const count = view.times.length;
  const span = count > 1 ? view.times[count - 1] - view.times[0] : 0;
  setText(byId("fps"), span > 200 ? ((1000 * (count - 1)) / span).toFixed(1) : "–");
  const mean = view.latencies.reduce((sum, value) => sum + value, 0) / count;
  setText(byId("latency"), count ? (mean < 999 ? mean.toFixed(1) : "> 999") : "–");
  if (!view.absent && now - view.lastFrame > SILENT_MS) {
    view.absent = true;
    ask();
  }
  const { head, presence: seen } = newest();
  setText(byId("head"), head ? [head.yaw_deg, head.pitch_deg, head.roll_deg].map((angle) => `${Math.round(angle)}°`.replace("-", "−")).join(" ") : "–");
  presence(seen);
  connection(view.line === "open" && view.absent ? "silent" : view.line);
}

function presence(state) {
  const tone = { LIVE: "good", HELD: "warn", LOST: "calm" }[state];
  swap(byId("presence"), chip(tone, TEXT.presence[state]));
}

function connection(state) {
  const tone = { open: "good", connecting: "calm", silent: "warn", lost: "bad" }[state];
  swap(byId("connection"), chip(tone, TEXT.connection[state]));
  byId("lost").hidden = state !== "lost";
  document.body.classList.toggle("stale", state === "lost");
}

function swap(box, node) {
  if (box.firstElementChild?.outerHTML !== node.outerHTML) {
    box.replaceChildren(node);
  }
}

// --- buttons ---

function tell(text, tone = "") {
  const box = byId("told");
  box.className = `told ${tone}`;
  setText(box, text);
}

function mirror() {
  view.mirror = !view.mirror;
  try {
    window.localStorage.setItem(MIRROR_KEY, view.mirror ? "1" : "0");
  } catch {
    // not remembered, then
  }
  showMirror();
}

function showMirror() {
  byId("mirror").setAttribute("aria-pressed", String(view.mirror));
  if (view.puppet) {
    view.puppet.mirror = view.mirror;
    ask();
  }
}

// --- start ---

function labels() {
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = node.dataset.text.split(".").reduce((tree, key) => tree[key], TEXT);
  }
  for (const node of document.querySelectorAll("[data-hint]")) {
    node.title = TEXT[node.dataset.hint];
  }
}

function start() {
  labels();
  const here = new URL(window.location.href);
  if (here.searchParams.has("token")) {
    here.searchParams.delete("token"); // it is in a cookie now; an address bar may be on stream
    window.history.replaceState(null, "", here);
  }
  const control = new Control({
    onEvent: (name, data) => {
      if (name === "status") {
        panels.update(data);
        calibration.update(data.calibration);
      }
    },
  });
  const calibration = new Calibration(control, tell);
  openStream({ onHello, onFrame, onState: (state) => { view.line = state; figures(); } });
  byId("mirror").addEventListener("click", mirror);
  window.addEventListener("resize", ask);
  showMirror();
  figures();
  window.setInterval(figures, 250);
}

start();
