// The mouth: two lip lines between two corners, each half with its own will; teeth, a fang and a tongue behind them.

import { inside, mix, onFace, paint, trace } from "./draw.js";
import { COLOURS as C } from "./puppet_colours.js";

// The lip lines' points for a pose, on the face. Own left is at positive x.
export function mouthShape(mouth) {
  const { left, right } = mouth;
  const round = Math.min(1, mouth.pucker + 0.75 * mouth.funnel);
  const x = 9 * mouth.side + 6 * mouth.jawSide;
  const y = 80 - 4 * mouth.shrug + 2 * mouth.jaw;
  const half = (part) => mix(21 + 9 * part.smile + 6 * part.wide - 3 * part.press - 3 * mouth.roll - 3 * mouth.open, 8.5, round * 0.85);
  const corner = (part) => -10 * part.smile + 9 * part.frown + 1.5 * mouth.open;
  const smile = (left.smile + right.smile) / 2;
  const frown = (left.frown + right.frown) / 2;
  const upper = (left.upper + right.upper) / 2;
  const lower = (left.lower + right.lower) / 2;
  const top = 3.6 + 2.4 * smile - 6 * frown - 4.5 * upper - 5 * round * mouth.open - 2 * mouth.open;
  const gap = 38 * mouth.open ** 0.85 + 7 * lower + 3.5 * upper + 9 * mouth.funnel * (1 - mouth.pucker * 0.5);
  return {
    gap, round, x, y,
    cornerLeft: onFace(x + half(left), y + corner(left)),
    cornerRight: onFace(x - half(right), y + corner(right)),
    top: y + top,
    bottom: y + top + gap,
    halfLeft: half(left),
    halfRight: half(right),
  };
}

function upperLip(m) {
  const k = mix(0.5, 0.78, m.round);
  return [onFace(m.x + k * m.halfLeft, m.top - 0.5 * m.round * m.gap * 0.2), onFace(m.x - k * m.halfRight, m.top - 0.5 * m.round * m.gap * 0.2), m.cornerRight];
}

function lowerLip(m) {
  const k = mix(0.62, 0.85, m.round);
  const deep = m.top + m.gap * 1.28;
  return [onFace(m.x - k * m.halfRight, deep), onFace(m.x + k * m.halfLeft, deep), m.cornerLeft];
}

export function drawMouth(context, p, pose) {
  const { mouth } = pose;
  const m = mouthShape(mouth);
  if (m.gap < 2.2) {
    drawShut(context, p, mouth, m);
  } else {
    trace(context, p, m.cornerLeft, upperLip(m), lowerLip(m));
    context.closePath();
    paint(context, { fill: C.mouth });
    inside(context, () => drawInside(context, p, mouth, m));
    trace(context, p, m.cornerLeft, upperLip(m), lowerLip(m));
    context.closePath();
    paint(context, { stroke: C.mouthLine, width: 2.6 });
  }
  if (mouth.tongue > 0.05) {
    drawTongueOut(context, p, mouth, m);
  }
  drawLipShade(context, p, m);
}

function drawShut(context, p, mouth, m) {
  trace(context, p, m.cornerLeft, upperLip(m));
  paint(context, { stroke: C.mouthLine, width: mix(2.8, 2, mouth.roll) });
  if (m.round > 0.25) {
    const [x, y] = p.at(onFace(m.x, m.y + 4.5));
    context.beginPath();
    context.ellipse(x, y, 6.5 * m.round, 3.6 * m.round, 0, 0, 2 * Math.PI);
    context.globalAlpha = m.round;
    paint(context, { fill: C.lip, stroke: C.mouthLine, width: 1.8 });
    context.globalAlpha = 1;
  }
}

function drawInside(context, p, mouth, m) {
  // Teeth follow the upper lip; one of them is a fang.
  const teeth = Math.min(6.5, 0.3 * m.gap) * (1 - 0.8 * m.round);
  if (teeth > 1) {
    trace(
      context, p, m.cornerLeft, upperLip(m), [onFace(m.x - 0.7 * m.halfRight, m.top + teeth)],
      [onFace(m.x + 0.7 * m.halfLeft, m.top + teeth)],
    );
    context.closePath();
    paint(context, { fill: C.teeth });
    const at = m.x + 0.52 * m.halfLeft;
    trace(context, p, onFace(at - 3.2, m.top + teeth - 1), [onFace(at + 0.4, m.top + teeth + 5.5)], [onFace(at + 3.4, m.top + teeth - 1)]);
    paint(context, { fill: C.teeth });
  }
  const [x, y] = p.at(onFace(m.x, m.bottom + 1));
  context.beginPath();
  context.ellipse(x, y, 0.62 * Math.min(m.halfLeft, m.halfRight) + 3, Math.max(0, 0.38 * m.gap), 0, 0, 2 * Math.PI);
  paint(context, { fill: C.tongue });
}

function drawTongueOut(context, p, mouth, m) {
  const reach = 20 * mouth.tongue;
  const from = Math.max(m.top, m.bottom - 5);
  trace(
    context, p, onFace(m.x + 8, from),
    [onFace(m.x + 10, from + reach), onFace(m.x + 5, from + reach + 4), onFace(m.x, from + reach + 4, 4)],
    [onFace(m.x - 5, from + reach + 4), onFace(m.x - 10, from + reach), onFace(m.x - 8, from)],
  );
  paint(context, { fill: C.tongue, stroke: C.mouthLine, width: 2 });
  trace(context, p, onFace(m.x, from + 1), [onFace(m.x, from + reach * 0.7)]);
  paint(context, { stroke: C.tongueLine, width: 1.8 });
}

function drawLipShade(context, p, m) {
  const y = Math.max(m.bottom, m.y + 2) + 7;
  trace(context, p, onFace(m.x - 6, y), [onFace(m.x, y + 2.5), onFace(m.x + 6, y)]);
  context.globalAlpha = 0.55;
  paint(context, { stroke: C.skinShade, width: 2.4 });
  context.globalAlpha = 1;
}
