// The puppet: a fox drawn on a canvas, driven by frames of the stream. Every stroke is ours; there is no picture file.
//
//   const puppet = new Puppet(canvas, { names });
//   puppet.draw(frame);            // now, at once: what arrives is what is shown
//
// The face follows the frame directly. Only loose hair has inertia, and sleep (when nobody is there) takes its time.

import { Projector, inside } from "./draw.js";
import { PoseReader, REST_FRAME } from "./pose.js";
import { drawBrow, drawEye, drawFace, drawNose, traceFace } from "./puppet_face.js";
import {
  drawBackHair, drawClip, drawCowlick, drawEar, drawFringe, drawFringeShadow, drawHoodBack, drawHoodie, drawLock, drawNeck,
} from "./puppet_hair.js";
import { drawMouth } from "./puppet_mouth.js";

const VIEW = 412; // units across the canvas, whichever side is shorter
const CENTRE_Y = -8;
const SNORE_MS = 66; // asleep, fifteen pictures a second are plenty

export class Puppet {
  constructor(canvas, { names, mirror = false, sleeps = true } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.reader = new PoseReader(names);
    this.mirror = mirror;
    this.sleeps = sleeps;
    this.frame = REST_FRAME;
    this.sleep = 0; // 0 awake, 1 asleep
    this.sway = new Spring();
    this.lastTime = null;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  // Draws the frame. Returns after how many milliseconds `redraw` should be called because something moves by itself; 0 is never.
  draw(frame) {
    this.frame = frame;
    return this.redraw();
  }

  redraw(now = performance.now()) {
    const dt = this.lastTime === null ? 0 : Math.min(0.1, (now - this.lastTime) / 1000);
    this.lastTime = now;
    const shown = this.mirror ? this.reader.mirrored(this.frame) : this.frame;
    const pose = this.reader.read(shown);
    const wait = this.advance(pose, shown.presence, dt);
    this.resize();
    this.paint(pose, now);
    return wait;
  }

  advance(pose, presence, dt) {
    const lost = presence === "LOST" && this.sleeps;
    this.sleep = lost ? Math.min(1, this.sleep + dt / 1.2) : Math.max(0, this.sleep - dt / 0.15);
    if (this.sleep > 0) {
      const closed = this.sleep * this.sleep * (3 - 2 * this.sleep);
      for (const eye of [pose.left, pose.right]) {
        eye.blink = Math.max(eye.blink, closed);
      }
      pose.head.pitch += 9 * closed;
      pose.head.roll += 5 * closed;
      pose.ears = Math.min(pose.ears, pose.ears - 0.5 * closed);
    }
    const { yaw, roll, x } = pose.head;
    this.sway.follow(0.9 * yaw - 1.1 * roll + 0.5 * x, this.calm.matches ? 0 : dt);
    if (this.sway.moves || (this.sleep > 0 && this.sleep < 1)) {
      return 1;
    }
    return lost && !this.calm.matches ? SNORE_MS : Number(lost && this.sleep < 1);
  }

  resize() {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(this.canvas.clientWidth * ratio), Math.round(this.canvas.clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
  }

  paint(pose, now) {
    const { context: c, canvas } = this;
    const unit = Math.min(canvas.width, canvas.height) / VIEW;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, canvas.width, canvas.height);
    c.setTransform(unit, 0, 0, unit, canvas.width / 2, canvas.height - (VIEW / 2 + CENTRE_Y) * unit);
    [c.lineJoin, c.lineCap] = ["round", "round"];
    const { yaw, pitch, roll, x, y, scale } = pose.head;
    const breath = this.calm.matches ? 0 : 1.2 * Math.sin(now / 900);
    const head = new Projector({ yaw, pitch, roll, x, y: y + breath * 0.5, scale });
    const body = new Projector({ yaw: yaw * 0.22, pitch: 0, roll: roll * 0.14, x: x * 0.55, y: y * 0.4 + breath, pivot: 240 });
    this.layers(c, head, body, pose);
    if (this.sleep > 0.6) {
      this.snore(c, head, now);
    }
  }

  layers(c, head, body, pose) {
    const sway = this.sway.lag;
    drawHoodBack(c, body);
    drawBackHair(c, head, sway);
    drawNeck(c, body);
    drawHoodie(c, body);
    drawEar(c, head, -1, pose.ears, sway);
    drawEar(c, head, 1, pose.ears, sway);
    drawFace(c, head, pose);
    traceFace(c, head, pose);
    inside(c, () => drawFringeShadow(c, head, sway));
    drawNose(c, head, pose);
    drawMouth(c, head, pose);
    drawEye(c, head, pose.left, 1);
    drawEye(c, head, pose.right, -1);
    drawLock(c, head, -1, sway);
    drawLock(c, head, 1, sway);
    drawFringe(c, head, sway);
    drawCowlick(c, head, sway);
    drawClip(c, head);
    c.globalAlpha = 0.92;
    drawBrow(c, head, pose.left, 1);
    drawBrow(c, head, pose.right, -1);
    c.globalAlpha = 1;
  }

  snore(c, head, now) {
    const [x, y] = head.at([112, -96, 0]);
    c.fillStyle = "#8fd9d2";
    for (let i = 0; i < 3; i += 1) {
      const phase = this.calm.matches ? (i + 1) / 4 : (now / 3600 + i / 3) % 1;
      c.globalAlpha = Math.sin(Math.PI * phase) * 0.9;
      c.font = `italic 700 ${12 + 14 * phase}px ui-rounded, system-ui, sans-serif`;
      c.fillText("z", x + 40 * phase + 5 * Math.sin(phase * 9), y - 58 * phase);
    }
    c.globalAlpha = 1;
  }
}

// Loose ends: a damped spring that hangs behind what it follows.
class Spring {
  constructor() {
    [this.at, this.speed, this.goal] = [null, 0, 0];
  }

  follow(goal, dt) {
    if (this.at === null || dt === 0) {
      [this.at, this.speed] = [goal, 0];
    }
    this.goal = goal;
    for (let left = dt; left > 0; left -= 1 / 240) {
      const step = Math.min(left, 1 / 240);
      this.speed += (130 * (goal - this.at) - 11 * this.speed) * step;
      this.at += this.speed * step;
    }
  }

  get lag() {
    return Math.max(-26, Math.min(26, this.at - this.goal));
  }

  get moves() {
    return Math.abs(this.lag) > 0.05 || Math.abs(this.speed) > 0.5;
  }
}
