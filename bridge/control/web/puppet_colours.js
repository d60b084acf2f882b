// The fox's paint box.

export const COLOURS = Object.freeze({
  skin: "#ffe8d9", skinShade: "#f2bfa6", skinLine: "#a85f4e", blush: "rgba(255, 118, 108, .62)", blushOut: "rgba(255, 118, 108, 0)",
  nose: "#cf8270", white: "#fffdf9", lash: "#40202a", lowerLash: "#8a4a4a", brow: "#6f3120",
  irisTop: "#0a4553", irisMiddle: "#178f97", irisBottom: "#86ecd3", irisRing: "#0b3642", irisGlow: "rgba(190, 255, 235, .55)",
  pupil: "#06222b", lidShadow: "rgba(60, 40, 70, .28)",
  mouth: "#8c2b3c", mouthLine: "#6d2a30", lip: "#ee9a94", teeth: "#fffaf2", tongue: "#f0788a", tongueLine: "#cf5a70",
  hair: "#f39a4f", hairDeep: "#d9702f", hairBack: "#a94a26", hairTip: "#d87034", hairLight: "#ffc98a", hairLine: "#6b2f22",
  earTip: "#5a2a26", earInside: "#ffe3d0", earBlush: "#f5a795",
  hood: "#2c3c6c", hoodDeep: "#1f2b50", hoodLight: "#3d5290", hoodLine: "#151d3a", lining: "#4fc9bf", string: "#e9fffb",
});
