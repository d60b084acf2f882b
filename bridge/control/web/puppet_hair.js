// Hair, ears and hoodie: all that frames the face. `sway` is how far loose ends lag behind the head, in units.

import { inside, paint, trace } from "./draw.js";
import { COLOURS as C } from "./puppet_colours.js";

// --- behind the head ---

export function drawBackHair(context, p, sway) {
  const k = sway * 1.2;
  trace(
    context, p, [-108, -40, -20],
    [[-130, 10, -26], [-132 + k * 0.4, 62, -34], [-122 + k, 100, -38]],
    [[-121 + k, 117, -38], [-138 + k * 1.3, 126, -38]],
    [[-116 + k, 134, -38], [-98 + k, 122, -40]],
    [[-92 + k, 134, -42], [-104 + k, 140, -42]],
    [[-60 + k * 0.5, 142, -44], [0, 138, -46]],
    [[60 + k * 0.5, 142, -44], [104 + k, 140, -42]],
    [[92 + k, 134, -42], [98 + k, 122, -40]],
    [[116 + k, 134, -38], [138 + k * 1.3, 126, -38]],
    [[121 + k, 117, -38], [122 + k, 100, -38]],
    [[132 + k * 0.4, 62, -34], [130, 10, -26], [108, -40, -20]],
    [[100, -134, -20], [-100, -134, -20], [-108, -40, -20]],
  );
  const [, top] = p.at([0, 20, -30]);
  const [, bottom] = p.at([0, 130, -40]);
  const shade = context.createLinearGradient(0, top, 0, bottom);
  shade.addColorStop(0, C.hairBack);
  shade.addColorStop(1, C.hairTip);
  paint(context, { fill: shade, stroke: C.hairLine, width: 2.8 });
}

// --- ears ---

export function drawEar(context, p, s, perk, sway) {
  const droop = 0.75 * (0.8 - perk); // below 0 pricked, above 1 flat
  const tip = [s * (96 + 22 * droop) + sway * 0.8, -196 + 34 * droop, -30];
  const outer = [s * 104, -54, -14];
  const inner = [s * 34, -112, -4];
  trace(
    context, p, outer,
    [[s * (124 + 10 * droop), -112 + 10 * droop, -18], [s * (118 + 20 * droop), -164 + 24 * droop, -26], tip],
    [[s * (70 + 12 * droop), -182 + 20 * droop, -20], [s * 42, -140, -10], inner],
  );
  context.closePath();
  paint(context, { fill: C.hair });
  inside(context, () => {
    // Dark tip, pale inside.
    const at = p.at(tip);
    const shade = context.createRadialGradient(at[0], at[1], 8, at[0], at[1], 62);
    shade.addColorStop(0, C.earTip);
    shade.addColorStop(0.55, C.earTip);
    shade.addColorStop(0.62, "rgba(90, 42, 38, 0)");
    trace(
      context, p, [s * 94, -64, -8],
      [[s * (108 + 8 * droop), -112 + 8 * droop, -14], [s * (106 + 16 * droop), -150 + 22 * droop, -20], [s * (93 + 19 * droop) + sway * 0.6, -172 + 33 * droop, -24]],
      [[s * (74 + 10 * droop), -156 + 18 * droop, -14], [s * 58, -128, -8], [s * 52, -104, -2]],
    );
    const place = p.at([s * 78, -110, -8]);
    const warm = context.createRadialGradient(...place, 6, ...place, 60);
    warm.addColorStop(0, C.earBlush);
    warm.addColorStop(1, C.earInside);
    paint(context, { fill: warm });
    context.fillStyle = shade;
    context.fillRect(at[0] - 70, at[1] - 70, 140, 140);
    // Tufts
    trace(context, p, [s * 50, -96, 0], [[s * 62, -128, -4]], [[s * 68, -108, -2]], [[s * 80, -136, -8]], [[s * 84, -106, -4]], [[s * 96, -122, -8]], [[s * 92, -70, -6]]);
    paint(context, { fill: C.earInside });
  });
  trace(
    context, p, outer,
    [[s * (124 + 10 * droop), -112 + 10 * droop, -18], [s * (118 + 20 * droop), -164 + 24 * droop, -26], tip],
    [[s * (70 + 12 * droop), -182 + 20 * droop, -20], [s * 42, -140, -10], inner],
  );
  paint(context, { stroke: C.hairLine, width: 2.8 });
}

// --- in front of the face ---

function traceFringe(context, p, sway) {
  const k = sway * 0.35;
  trace(
    context, p, [100, 34, 30],
    [[118, -20, 15], [112, -130, 5], [4, -133, 12]],
    [[-110, -132, 5], [-118, -20, 15], [-100, 34, 30]],
    [[-95, 14, 44], [-88, -14, 52]],
    [[-84, -4, 60], [-74 + k, 8, 70]],
    [[-72, -18, 78], [-56, -42, 90]],
    [[-52, -24, 98], [-40 + k, -14, 100]],
    [[-36, -34, 100], [-16, -56, 102]],
    [[-14, -30, 104], [-2 + k, -12, 104]],
    [[2, -38, 104], [24, -60, 100]],
    [[34, -38, 98], [56 + k, -22, 96]],
    [[54, -38, 92], [64, -52, 88]],
    [[70, -22, 78], [84 + k, 4, 60]],
    [[86, -10, 54], [88, -22, 50]],
    [[95, 10, 40], [100, 34, 26]],
  );
}

export function drawFringeShadow(context, p, sway) {
  context.save();
  context.translate(0, 9);
  traceFringe(context, p, sway);
  context.restore();
  paint(context, { fill: C.skinShade });
}

export function drawFringe(context, p, sway) {
  traceFringe(context, p, sway);
  const [, top] = p.at([0, -130, 10]);
  const [, bottom] = p.at([0, 10, 90]);
  const shade = context.createLinearGradient(0, top, 0, bottom);
  shade.addColorStop(0, C.hair);
  shade.addColorStop(0.6, C.hair);
  shade.addColorStop(1, C.hairDeep);
  paint(context, { fill: shade });
  inside(context, () => drawShine(context, p));
  traceFringe(context, p, sway);
  paint(context, { stroke: C.hairLine, width: 2.8 });
  drawStrands(context, p);
}

// The ring of light: it sits in front, so it slides down the hair when the head goes up.
function drawShine(context, p) {
  trace(
    context, p, [-92, -62, 60],
    [[-60, -92, 84], [-20, -98, 92], [4, -94, 94]], [[-2, -84, 98]], [[10, -94, 94]],
    [[40, -98, 90], [72, -86, 78], [92, -60, 60]],
    [[84, -66, 66]], [[78, -58, 72]], [[66, -70, 80]],
    [[30, -82, 98], [-30, -82, 98], [-56, -70, 86]],
    [[-64, -56, 80]], [[-70, -66, 76]],
  );
  context.closePath();
  context.globalAlpha = 0.75;
  paint(context, { fill: C.hairLight });
  context.globalAlpha = 1;
}

function drawStrands(context, p) {
  const strands = [
    [[10, -130, 14], [-30, -112, 60], [-56, -44, 96]],
    [[12, -130, 14], [-6, -100, 76], [-16, -58, 102]],
    [[14, -130, 14], [26, -104, 72], [24, -62, 100]],
    [[16, -130, 14], [52, -112, 60], [64, -54, 88]],
  ];
  context.globalAlpha = 0.5;
  for (const [from, via, to] of strands) {
    trace(context, p, from, [via, to]);
    paint(context, { stroke: C.hairLine, width: 1.8 });
  }
  context.globalAlpha = 1;
}

export function drawLock(context, p, s, sway) {
  trace(
    context, p, [s * 104, -40, 18],
    [[s * 116, 10, 24], [s * 108 + sway * 0.6, 60, 34], [s * 92 + sway, 118, 40]],
    [[s * 84 + sway * 0.8, 96, 42], [s * 83 + sway * 0.5, 86, 42]],
    [[s * 78 + sway * 0.6, 98, 42], [s * 70 + sway * 0.8, 106, 42]],
    [[s * 80, 50, 40], [s * 82, 0, 42], [s * 80, -38, 46]],
  );
  context.closePath();
  paint(context, { fill: C.hair, stroke: C.hairLine, width: 2.6 });
  trace(context, p, [s * 98, -20, 30], [[s * 103, 30, 36], [s * 90 + sway * 0.8, 92, 42]]);
  context.globalAlpha = 0.45;
  paint(context, { stroke: C.hairLine, width: 1.6 });
  context.globalAlpha = 1;
}

export function drawCowlick(context, p, sway) {
  trace(context, p, [2, -128, 10], [[8, -158, 6], [30 + sway, -170, 0], [46 + sway * 1.6, -152, 0]], [[34 + sway, -160, 0], [20, -152, 6], [16, -128, 10]]);
  paint(context, { fill: C.hair, stroke: C.hairLine, width: 2.6 });
}

// The clip: an arch bridge of two strokes, the house's mark.
export function drawClip(context, p) {
  const [from, over, to] = [[46, -70, 76], [62, -90, 62], [78, -58, 50]];
  trace(context, p, from, [over, to]);
  paint(context, { stroke: C.hoodLine, width: 9 });
  trace(context, p, from, [over, to]);
  paint(context, { stroke: C.lining, width: 5 });
  trace(context, p, [44, -63, 78], [[61, -62, 70], [79, -51, 52]]);
  paint(context, { stroke: C.lining, width: 3.4 });
}

// --- body ---

export function drawNeck(context, p) {
  trace(context, p, [-28, 140, -8], [[28, 140, -8]], [[20, 184, 10]], [[-20, 184, 10]]);
  paint(context, { fill: C.hoodDeep });
  trace(context, p, [-24, 84, -10], [[-22, 124, -10], [-27, 142, -6]], [[-12, 158, 4], [0, 160, 6]], [[12, 158, 4], [27, 142, -6]], [[22, 124, -10], [24, 84, -10]]);
  paint(context, { fill: C.skinShade, stroke: C.skinLine, width: 2.2 });
}

export function drawHoodBack(context, p) {
  trace(context, p, [-92, 168, -20], [[-104, 112, -30], [-50, 96, -34], [0, 98, -34]], [[50, 96, -34], [104, 112, -30], [92, 168, -20]]);
  paint(context, { fill: C.hoodDeep, stroke: C.hoodLine, width: 2.8 });
}

export function drawHoodie(context, p) {
  trace(
    context, p, [-24, 142, 14],
    [[-52, 132, 0], [-74, 138, -10], [-96, 152, -14]],
    [[-150, 168, -14], [-172, 196, -12], [-180, 260, -10]],
    [[180, 260, -10]],
    [[172, 196, -12], [150, 168, -14], [96, 152, -14]],
    [[74, 138, -10], [52, 132, 0], [24, 142, 14]],
    [[16, 164, 22], [0, 176, 24]], [[-16, 164, 22], [-24, 142, 14]],
  );
  const shade = context.createLinearGradient(0, 130, 0, 230);
  shade.addColorStop(0, C.hoodLight);
  shade.addColorStop(1, C.hood);
  paint(context, { fill: shade, stroke: C.hoodLine, width: 2.8 });
  trace(context, p, [-24, 142, 14], [[-16, 164, 22], [0, 176, 24]], [[16, 164, 22], [24, 142, 14]]);
  paint(context, { stroke: C.lining, width: 5 });
  for (const s of [-1, 1]) {
    trace(context, p, [s * 20, 160, 26], [[s * 24, 180, 30], [s * 20, 204, 32]]);
    paint(context, { stroke: C.string, width: 3 });
  }
}
