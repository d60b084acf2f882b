// Live bars of the 52 channels in groups; a left and a right channel share a row.

import { element, setText } from "./dom.js";
import { TEXT } from "./text.js";

const GROUPS = [
  ["eyes", /^eye/],
  ["brows", /^brow/],
  ["jaw", /^jaw/],
  ["mouth", /^mouth/],
  ["cheeks", /^(cheek|nose|tongue)/],
];
const NUMBERS_EVERY_MS = 120;

export class Bars {
  constructor(parent, { names, support }) {
    this.tracks = [];
    this.numbersDue = 0;
    parent.replaceChildren(...GROUPS.map(([group, pattern]) => this.group(group, names.filter((name) => pattern.test(name)), names, support)));
  }

  group(group, members, names, support) {
    const rows = new Map();
    for (const name of members) {
      const stem = name.replace(/(Left|Right)$/, "");
      rows.set(stem, [...(rows.get(stem) ?? []), name]);
    }
    const list = element("div", { className: "rows" });
    for (const [stem, channels] of rows) {
      list.append(this.row(stem, channels, names, support));
    }
    return element("section", { className: `group group-${group}` }, element("h3", { text: TEXT.groups[group] }), list);
  }

  row(stem, channels, names, support) {
    const kinds = channels.map((name) => support[names.indexOf(name)]);
    const label = element("span", { className: "label", text: TEXT.names[stem] ?? stem });
    const row = element("div", { className: "row" }, label);
    channels.forEach((name, i) => row.append(this.track(name, names.indexOf(name), kinds[i])));
    return row;
  }

  track(name, index, kind) {
    const side = /(Left|Right)$/.exec(name)?.[1];
    const fill = element("i", { className: "fill" });
    const number = element("b", { className: "number", text: kind === "dead" ? TEXT.dead : "0" });
    const spoken = [TEXT.names[name.replace(/(Left|Right)$/, "")] ?? name, side && TEXT[`${side.toLowerCase()}Long`]].filter(Boolean).join(", ");
    const track = element("div", {
      className: `track ${kind}`, role: "meter", "aria-label": spoken, "aria-valuemin": "0", "aria-valuemax": "1", "aria-valuenow": "0",
      "data-channel": name, title: `${name}: ${TEXT.legend[kind]}`,
    }, fill);
    if (side) {
      track.append(element("span", { className: "side", text: TEXT[side.toLowerCase()] }));
    }
    track.append(number);
    this.tracks.push({ index, fill, number, track, dead: kind === "dead" });
    return track;
  }

  update(weights, now) {
    const numbers = now >= this.numbersDue;
    if (numbers) {
      this.numbersDue = now + NUMBERS_EVERY_MS;
    }
    for (const { index, fill, number, track, dead } of this.tracks) {
      const value = weights[index];
      fill.style.transform = `scaleX(${value})`;
      if (numbers && !dead) {
        const text = value < 0.005 ? "0" : value.toFixed(2);
        if (number.textContent !== text) {
          setText(number, text);
          track.setAttribute("aria-valuenow", text);
        }
      }
    }
  }
}
