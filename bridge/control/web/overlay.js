// The puppet alone, for a browser source: /overlay?mirror=1&size=480&subject=0&sleep=0
// size: pixels; without it the puppet fills the source. sleep=0: it rests with open eyes while nobody is there.

import { openStream } from "./connection.js";
import { Puppet } from "./puppet.js";

window.avatarBridge = { frames: 0, last: null };

const wishes = new URLSearchParams(window.location.search);
const on = (name, standard) => ["1", "true", "yes", "on"].includes((wishes.get(name) ?? standard).toLowerCase());
const canvas = document.getElementById("puppet");
const size = Number(wishes.get("size"));
if (size >= 16 && size <= 4096) {
  canvas.style.width = `${size}px`;
  canvas.style.height = `${size}px`;
}

let puppet = null;
let pending = false;

function ask() {
  if (!pending) {
    pending = true;
    window.requestAnimationFrame(show);
  }
}

function show() {
  pending = false;
  const frame = window.avatarBridge.last;
  const wait = puppet ? (frame ? puppet.draw(frame) : puppet.redraw()) : 0;
  if (wait) {
    window.setTimeout(ask, wait);
  }
}

openStream({
  query: { subject: /^\d{1,2}$/.test(wishes.get("subject") ?? "") ? wishes.get("subject") : "0" },
  onState: () => {},
  onHello: (hello) => {
    puppet ??= new Puppet(canvas, { names: hello.names, mirror: on("mirror", "0"), sleeps: on("sleep", "1") });
    ask();
  },
  onFrame: (frame) => {
    window.avatarBridge.frames += 1;
    window.avatarBridge.last = frame;
    ask();
  },
});
window.addEventListener("resize", ask);
