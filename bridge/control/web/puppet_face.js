// Skin, eyes, brows, nose and mouth.

import { inside, mix, onFace, paint, trace, traceLine } from "./draw.js";
import { COLOURS as C } from "./puppet_colours.js";

const STEPS = 18;
const EYE = { x: 43, y: 24, halfWidth: 26, height: 27 };

// --- skin ---

export function traceFace(context, p, pose) {
  const { mouth, puff } = pose;
  const drop = 13 * mouth.jaw;
  const side = 7 * mouth.jawSide;
  const cheek = 11 * puff;
  trace(
    context, p, [-94, -30, 8],
    [[-96, 14, 10], [-93 - cheek, 44, 18], [-80 - cheek, 66, 28]],
    [[-66 - cheek / 2, 86 + drop * 0.6, 38], [-30 + side, 108 + drop, 52], [side, 110 + drop, 58]],
    [[30 + side, 108 + drop, 52], [66 + cheek / 2, 86 + drop * 0.6, 38], [80 + cheek, 66, 28]],
    [[93 + cheek, 44, 18], [96, 14, 10], [94, -30, 8]],
    [[90, -120, 0], [-90, -120, 0], [-94, -30, 8]],
  );
}

export function drawFace(context, p, pose) {
  traceFace(context, p, pose);
  paint(context, { fill: C.skin });
  inside(context, () => {
    blush(context, p, pose, -1);
    blush(context, p, pose, 1);
  });
  traceFace(context, p, pose);
  paint(context, { stroke: C.skinLine, width: 2.4 });
}

function blush(context, p, pose, s) {
  const [x, y] = p.at(onFace(s * 62, 57));
  const [edge] = p.at(onFace(s * 62 + 17, 57));
  const [inner] = p.at(onFace(s * 62 - 17, 57));
  const radius = Math.max(3, Math.abs(edge - inner) / 2);
  context.save();
  context.translate(x, y);
  context.scale(radius / 19, 0.62);
  const glow = context.createRadialGradient(0, 0, 2, 0, 0, 22);
  glow.addColorStop(0, C.blush);
  glow.addColorStop(1, C.blushOut);
  context.globalAlpha = 0.35 + 0.55 * pose.blush;
  context.fillStyle = glow;
  context.fillRect(-24, -24, 48, 48);
  context.restore();
}

// --- nose ---

export function drawNose(context, p, pose) {
  const lift = -3 * pose.sneer;
  trace(context, p, [-4.5, 57 + lift, 84], [[0, 61.5 + lift, 89], [4, 56.5 + lift, 84]]);
  paint(context, { stroke: C.nose, width: 2.2 });
  if (pose.sneer > 0.1) {
    for (const s of [-1, 1]) {
      trace(context, p, [s * 9, 41, 80], [[s * 6, 46, 83], [s * 8, 50, 82]]);
      context.globalAlpha = pose.sneer;
      paint(context, { stroke: C.nose, width: 1.8 });
      context.globalAlpha = 1;
    }
  }
}

// --- eyes ---

// u runs from the outer corner (-1) to the inner one (1); returns the lids as points on the face.
function lids(eye, s) {
  const opening = (1 - eye.blink) * (1 + 0.22 * eye.wide) * (1 - 0.22 * eye.squint);
  const raise = Math.max(0.42 * eye.squint, 0.5 * eye.happy * eye.blink);
  const upper = [];
  const lower = [];
  for (let i = 0; i <= STEPS; i += 1) {
    const u = -1 + (2 * i) / STEPS;
    const x = s * (EYE.x - u * EYE.halfWidth);
    const arch = (1 - u * u) ** 0.62;
    const tilt = -2.5 * u; // the outer corner sits a little lower than the inner one would
    const open = EYE.y - EYE.height * arch * (1 - 0.12 * u) + 7 + tilt;
    const bottom = EYE.y + 19 * (1 - u * u) ** 0.8 + 7 + tilt;
    const shut = EYE.y + 17 + tilt + mix(8, -11, eye.happy) * (1 - u * u);
    const raised = mix(bottom, shut, Math.max(raise, eye.blink));
    upper.push(onFace(x, mix(shut, open, opening), 0));
    lower.push(onFace(x, raised, 0));
  }
  return { upper, lower, opening };
}

export function drawEye(context, p, eye, s) {
  const { upper, lower, opening } = lids(eye, s);
  if (opening > 0.06) {
    traceLine(context, p, upper);
    traceLine(context, p, lower.toReversed(), { more: true });
    context.closePath();
    paint(context, { fill: C.white });
    inside(context, () => drawIris(context, p, eye, s, upper));
  }
  // The lower lid: a short, thin stroke at the outer side.
  traceLine(context, p, lower.slice(3, 11));
  paint(context, { stroke: C.lowerLash, width: 1.8 });
  drawLash(context, p, upper, opening, s);
}

function drawIris(context, p, eye, s, upper) {
  const x = s * EYE.x + 12 * eye.gazeX;
  const y = EYE.y + 5 + 9 * eye.gazeY;
  const size = 1 - 0.1 * eye.wide;
  const [cx, cy] = p.at(onFace(x, y));
  const [right] = p.at(onFace(x + 18.5 * size, y));
  const [left] = p.at(onFace(x - 18.5 * size, y));
  const rx = Math.max(4, (right - left) / 2);
  const ry = 22.5 * size * p.scale;
  const ring = context.createLinearGradient(cx, cy - ry, cx, cy + ry);
  ring.addColorStop(0, C.irisTop);
  ring.addColorStop(0.5, C.irisMiddle);
  ring.addColorStop(1, C.irisBottom);
  ellipse(context, cx, cy, rx, ry, ring);
  context.lineWidth = 2.2;
  context.strokeStyle = C.irisRing;
  context.stroke();
  ellipse(context, cx, cy + 1, rx * 0.46, ry * 0.5, C.pupil);
  ellipse(context, cx, cy + ry * 0.62, rx * 0.55, ry * 0.2, C.irisGlow);
  // The lid's shadow on the ball.
  context.beginPath();
  traceLine(context, p, upper);
  traceLine(context, p, upper.map(([a, b, c]) => [a, b + 7, c]).toReversed(), { more: true });
  paint(context, { fill: C.lidShadow });
  // Lights stay where the lamp is: they follow the iris by half.
  ellipse(context, cx - rx * 0.32 - 2 * eye.gazeX, cy - ry * 0.38 - 2 * eye.gazeY, rx * 0.34, ry * 0.27, "#fff");
  ellipse(context, cx + rx * 0.42 - 2 * eye.gazeX, cy + ry * 0.32 - 2 * eye.gazeY, rx * 0.16, ry * 0.13, "#fff");
}

function ellipse(context, x, y, rx, ry, fill) {
  context.beginPath();
  context.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
}

// The upper lash: a brush stroke, thick over the outer half, with a flick.
function drawLash(context, p, upper, opening, s) {
  const outer = upper[0];
  const flick = [outer[0] + s * 6, outer[1] - mix(1, 6, opening), outer[2] - 6];
  const thickness = (i) => {
    const u = i / STEPS;
    return mix(2.2, 5.4, Math.sin(Math.PI * Math.min(1, u * 0.8 + 0.2)) ** 0.7) * mix(0.85, 1, opening);
  };
  traceLine(context, p, [flick, ...upper]);
  traceLine(context, p, upper.map(([x, y, z], i) => [x, y - thickness(i) * (i === STEPS ? 0.2 : 1), z]).toReversed(), { more: true });
  context.closePath();
  paint(context, { fill: C.lash, stroke: C.lash, width: 1.2 });
  if (opening > 0.35) {
    traceLine(context, p, upper.slice(4, 15).map(([x, y, z]) => [x, y - 9, z]));
    context.globalAlpha = 0.55 * Math.min(1, (opening - 0.35) * 3);
    paint(context, { stroke: C.skinLine, width: 1.6 });
    context.globalAlpha = 1;
  }
}

// --- brows ---

export function drawBrow(context, p, eye, s) {
  const { down, inner, outer } = eye.brow;
  const innerY = -21 + 13 * down - 13 * inner;
  const middleY = -28 + 9 * down - 5 * inner - 8 * outer;
  const outerY = -19 + 3 * down + 1 * inner - 11 * outer;
  const pinch = 5 * down;
  const a = onFace(s * (22 - pinch), innerY, 8);
  const b = onFace(s * (46 - pinch / 2), middleY, 8);
  const c = onFace(s * 70, outerY, 8);
  const under = ([x, y, z], by) => [x, y + by, z];
  trace(context, p, a, [under(b, -3), c], [under(b, 3.5), under(a, 6)]);
  context.closePath();
  paint(context, { fill: C.brow, stroke: C.brow, width: 2 });
}
