"use strict";
/* Plots on canvases that share one stretch of time: curves with gaps, a grid, zoom, a cross-hair. Nothing of the page is known here. */

/** Differences -> values: Float64Array, NaN where there is a gap. `packed`: a list, one number for all, or null. */
function unpack(packed, scale, count) {
  const values = new Float64Array(count).fill(packed === null ? NaN : typeof packed === "number" ? packed / scale : NaN);
  if (Array.isArray(packed)) {
    let last = 0;
    packed.forEach((difference, i) => {
      if (difference !== null) values[i] = (last += difference) / scale;
    });
  }
  return values;
}

/** First index of `t` that is at or after `time`. */
function firstAfter(t, time) {
  let low = 0, high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < time) low = middle + 1; else high = middle;
  }
  return low;
}

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them in `span`. */
function niceStep(span, count) {
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough)), share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

function clock(seconds, step = 1) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  const units = 10 ** digits, whole = Math.round(seconds * units) / units, minutes = Math.floor(whole / 60);
  const rest = (whole - 60 * minutes).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
}

/** The stretch of time that all plots show, and where the pointer is. */
class View {
  constructor(length) {
    this.length = Math.max(length, 0.1);
    this.from = 0;
    this.to = this.length;
    this.at = null;
    this.listeners = [];
    this.pending = false;
  }
  show(from, to) {
    const span = Math.min(Math.max(to - from, 0.15), this.length);
    const begin = Math.min(Math.max(from, 0), this.length - span);
    this.from = begin;
    this.to = begin + span;
    this.changed();
  }
  zoom(factor, around) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }
  point(time) {
    this.at = time;
    this.changed();
  }
  changed() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.listeners.forEach((listener) => listener());
    });
  }
}

/** A canvas of the size that the page gives it, sharp on any screen. Returns [context, width, height] in CSS pixels, emptied. */
function sheet(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = Number(canvas.getAttribute("data-height"));
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return [pen, width, height];
}

const LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22;

/** Curves over time. `curves`: [{name, values, colour (a CSS variable), width, faint}]; `unit` and `floor` of the values. */
class Plot {
  constructor(canvas, t, view) {
    canvas.setAttribute("data-height", canvas.getAttribute("height"));
    Object.assign(this, { canvas, t, view, curves: [], unit: "", limits: null, least: 0.05, marks: [], drag: null });
    view.listeners.push(() => this.draw());
    this.listen();
  }
  show(curves, { unit = "", limits = null, least = 0.05 } = {}) {
    Object.assign(this, { curves, unit, limits, least });
    this.draw();
  }
  timeAt(x) {
    const width = this.canvas.clientWidth - LEFT - RIGHT;
    return this.view.from + (Math.min(Math.max(x - LEFT, 0), width) / width) * (this.view.to - this.view.from);
  }
  listen() {
    const { canvas, view } = this, place = (event) => event.clientX - canvas.getBoundingClientRect().left;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drag = place(event);
    });
    canvas.addEventListener("pointermove", (event) => view.point(this.timeAt(place(event))));
    canvas.addEventListener("pointerup", (event) => {
      const from = this.drag, to = place(event);
      this.drag = null;
      if (from !== null && Math.abs(to - from) > 5) view.show(this.timeAt(Math.min(from, to)), this.timeAt(Math.max(from, to)));
      else view.changed();
    });
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("pointerleave", () => view.point(null));
    canvas.addEventListener("dblclick", () => view.show(0, view.length));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      view.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.005), this.timeAt(place(event)));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const span = view.to - view.from, middle = 0.5 * (view.from + view.to);
      const act = {
        ArrowLeft: () => view.show(view.from - 0.2 * span, view.to - 0.2 * span),
        ArrowRight: () => view.show(view.from + 0.2 * span, view.to + 0.2 * span),
        "+": () => view.zoom(0.6, middle), "=": () => view.zoom(0.6, middle), "-": () => view.zoom(1.7, middle),
        Escape: () => view.show(0, view.length), Home: () => view.show(0, span), End: () => view.show(view.length - span, view.length),
      }[event.key];
      if (act) {
        event.preventDefault();
        act();
      }
    });
  }
  range(first, last) {
    if (this.limits) return this.limits;
    let low = Infinity, high = -Infinity;
    for (const { values } of this.curves) {
      for (let i = first; i < last; i++) {
        if (values[i] < low) low = values[i];
        if (values[i] > high) high = values[i];
      }
    }
    if (low > high) return [0, 1];
    const room = Math.max(0.06 * (high - low), 0.5 * (this.least - (high - low)), 1e-6);
    return [low - room, high + room];
  }
  draw() {
    const [pen, width, height] = sheet(this.canvas), { t, view } = this;
    if (width < LEFT + RIGHT + 20) return;
    const style = getComputedStyle(document.documentElement), tone = (name) => style.getPropertyValue(name).trim();
    const first = Math.max(0, firstAfter(t, view.from) - 1), last = Math.min(t.length, firstAfter(t, view.to) + 1);
    const [low, high] = this.range(first, last), wide = width - LEFT - RIGHT, tall = height - TOP - BOTTOM;
    const x = (time) => LEFT + ((time - view.from) / (view.to - view.from)) * wide;
    const y = (value) => TOP + (1 - (value - low) / (high - low)) * tall;

    pen.font = `11.5px ${style.getPropertyValue("font-family") || "sans-serif"}`;
    pen.lineWidth = 1;
    pen.strokeStyle = tone("--grid");
    pen.fillStyle = tone("--dim");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const rise = niceStep(high - low, tall / 46);
    for (let value = Math.ceil(low / rise) * rise; value <= high + 1e-9; value += rise) {
      const at = Math.round(y(value)) + 0.5, digits = Math.max(0, -Math.floor(Math.log10(rise) + 1e-9));
      pen.beginPath();
      pen.moveTo(LEFT, at);
      pen.lineTo(width - RIGHT, at);
      pen.stroke();
      pen.fillText((Math.abs(value) < rise / 2 ? 0 : value).toFixed(digits) + this.unit, LEFT - 7, at);
    }
    pen.textAlign = "center";
    const step = niceStep(view.to - view.from, wide / 90);
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      pen.fillText(clock(time, step), Math.min(Math.max(x(time), LEFT + 12), width - RIGHT - 14), height - 8);
    }

    pen.save();
    pen.beginPath();
    pen.rect(LEFT, TOP - 2, wide, tall + 4);
    pen.clip();
    for (const [from, to, colour] of this.marks) {
      if (to < view.from || from > view.to) continue;
      pen.globalAlpha = 0.13;
      pen.fillStyle = tone(colour);
      pen.fillRect(x(from), TOP, Math.max(1, x(to) - x(from)), tall);
    }
    pen.lineJoin = "round";
    for (const curve of this.curves) {
      pen.globalAlpha = curve.faint ? 0.55 : 1;
      pen.strokeStyle = tone(curve.colour);
      pen.lineWidth = curve.width;
      pen.beginPath();
      let open = false;
      for (let i = first; i < last; i++) {
        const value = curve.values[i];
        if (Number.isNaN(value)) open = false;
        else if (open) pen.lineTo(x(t[i]), y(value));
        else {
          pen.moveTo(x(t[i]), y(value));
          open = true;
        }
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
    this.drawPointer(pen, x, y, tone, height);
    pen.restore();
  }
  drawPointer(pen, x, y, tone, height) {
    const { view, t } = this;
    if (view.at === null) return;
    if (this.drag !== null) {
      const rect = this.drag, now = x(view.at);
      pen.fillStyle = tone("--teal");
      pen.globalAlpha = 0.16;
      pen.fillRect(Math.min(rect, now), TOP, Math.abs(now - rect), height - TOP - BOTTOM);
      pen.globalAlpha = 1;
    }
    const i = this.nearest();
    pen.strokeStyle = tone("--dim");
    pen.lineWidth = 1;
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(x(t[i]), TOP);
    pen.lineTo(x(t[i]), height - BOTTOM);
    pen.stroke();
    pen.setLineDash([]);
    for (const curve of this.curves) {
      if (Number.isNaN(curve.values[i])) continue;
      pen.beginPath();
      pen.arc(x(t[i]), y(curve.values[i]), 3.2, 0, 7);
      pen.fillStyle = tone(curve.colour);
      pen.fill();
    }
  }
  /** Index of the sample under the pointer. */
  nearest() {
    const i = firstAfter(this.t, this.view.at);
    if (i <= 0) return 0;
    if (i >= this.t.length) return this.t.length - 1;
    return this.view.at - this.t[i - 1] < this.t[i] - this.view.at ? i - 1 : i;
  }
}
