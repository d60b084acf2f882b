// The few drawing words that all parts of the puppet share: a point of the head on paper, and paths through such points.

const RADIANS = Math.PI / 180;

// Puts points of a turning head on paper. x is screen right, y is down, z comes out of the paper; 100 units are half a head.
export class Projector {
  constructor({ yaw = 0, pitch = 0, roll = 0, x = 0, y = 0, scale = 1, pivot = 96 } = {}) {
    [this.sy, this.cy] = [Math.sin(yaw * RADIANS), Math.cos(yaw * RADIANS)];
    [this.sp, this.cp] = [Math.sin(pitch * RADIANS), Math.cos(pitch * RADIANS)];
    [this.sr, this.cr] = [Math.sin(-roll * RADIANS), Math.cos(-roll * RADIANS)];
    Object.assign(this, { x, y, scale, pivot });
  }

  at([x, y, z = 0]) {
    const turnedX = x * this.cy + z * this.sy;
    const turnedZ = z * this.cy - x * this.sy;
    // It nods about a point between the ears, not about the neck: so the crown shows when it looks down.
    const nodY = y * this.cp + turnedZ * this.sp;
    const depth = turnedZ * this.cp - y * this.sp;
    const near = this.scale * (1 + depth / 1500);
    const [px, py] = [turnedX * near, nodY * near - this.pivot];
    return [px * this.cr - py * this.sr + this.x, px * this.sr + py * this.cr + this.pivot + this.y];
  }
}

// Where the face's skin lies in front of (x, y): an egg.
export function onFace(x, y, lift = 0) {
  const k = 1 - (x / 118) ** 2 - ((y - 12) / 150) ** 2;
  return [x, y, 75 * Math.sqrt(Math.max(0.02, k)) + lift];
}

// A path of three-dimensional points. Every segment is [to], [via, to] or [control, control, to].
export function trace(context, projector, start, ...segments) {
  context.beginPath();
  context.moveTo(...projector.at(start));
  for (const segment of segments) {
    const points = segment.flatMap((point) => projector.at(point));
    if (segment.length === 1) {
      context.lineTo(...points);
    } else if (segment.length === 2) {
      context.quadraticCurveTo(...points);
    } else {
      context.bezierCurveTo(...points);
    }
  }
}

// A path through many points, for curves that are computed rather than drawn.
export function traceLine(context, projector, points, { more = false } = {}) {
  if (!more) {
    context.beginPath();
  }
  points.forEach((point, i) => {
    const place = projector.at(point);
    if (i === 0 && !more) {
      context.moveTo(...place);
    } else {
      context.lineTo(...place);
    }
  });
}

export function paint(context, { fill, stroke, width = 2.6 }) {
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  if (stroke) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.stroke();
  }
}

// Draws inside the current path only.
export function inside(context, draw) {
  context.save();
  context.clip();
  draw();
  context.restore();
}

export const mix = (a, b, fraction) => a + (b - a) * fraction;
export const flip = ([x, y, z]) => [-x, y, z];
