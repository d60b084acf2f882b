// From a frame of the stream to what the puppet does: plain numbers, no drawing, no time.
// Bridge space throughout: left and right are the subject's own; the puppet faces the viewer, so own left is screen right.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const ramp = (value, from, to) => clamp((value - from) / (to - from), 0, 1);

// An angle that never leaves the range in which the drawing holds, without a corner on the way there.
const soft = (degrees, limit) => limit * Math.tanh(degrees / limit);

const SWAPPED = /(Left|Right)$/;

export const REST_FRAME = Object.freeze({
  type: "frame", subject: 0, seq: 0, t: 0, presence: "LOST", weights: new Array(52).fill(0), head: null,
  gaze: { left_deg: [0, 0], right_deg: [0, 0] }, box: null, latency_ms: 0,
});

export class PoseReader {
  // names: the 52 channel names of the stream's hello.
  constructor(names) {
    this.index = Object.fromEntries(names.map((name, i) => [name, i]));
    this.swap = names.map((name) => {
      const other = name.replace(SWAPPED, (side) => (side === "Left" ? "Right" : "Left"));
      return this.index[other] ?? this.index[name];
    });
  }

  // As in a mirror: sides and directions change places. On data, never on the picture.
  mirrored(frame) {
    const head = frame.head && {
      ...frame.head,
      position_m: [-frame.head.position_m[0], frame.head.position_m[1], frame.head.position_m[2]],
      yaw_deg: -frame.head.yaw_deg,
      roll_deg: -frame.head.roll_deg,
    };
    const flip = ([yaw, pitch]) => [-yaw, pitch];
    return {
      ...frame, head, weights: this.swap.map((i) => frame.weights[i]),
      gaze: { left_deg: flip(frame.gaze.right_deg), right_deg: flip(frame.gaze.left_deg) },
    };
  }

  read(frame) {
    const w = (name) => frame.weights[this.index[name]] ?? 0;
    return {
      head: this.head(frame.head),
      left: this.eye(w, "Left", frame.gaze.left_deg),
      right: this.eye(w, "Right", frame.gaze.right_deg),
      mouth: this.mouth(w),
      sneer: (w("noseSneerLeft") + w("noseSneerRight")) / 2,
      puff: w("cheekPuff"),
      blush: clamp(0.25 + 0.55 * Math.max(w("mouthSmileLeft"), w("mouthSmileRight")) + 0.3 * w("cheekPuff"), 0, 1),
      // The ears listen to the whole face: up with surprise, flat with gloom.
      ears: clamp(
        0.9 * (w("browOuterUpLeft") + w("browOuterUpRight")) / 2 + 0.5 * w("browInnerUp") + 0.6 * (w("eyeWideLeft") + w("eyeWideRight")) / 2
        - 0.8 * (w("browDownLeft") + w("browDownRight")) / 2 - 0.9 * (w("mouthFrownLeft") + w("mouthFrownRight")) / 2, -1, 1),
    };
  }

  head(head) {
    if (!head) {
      return { yaw: 0, pitch: 0, roll: 0, x: 0, y: 0, scale: 1 };
    }
    const [x, y, z] = head.position_m;
    const fromCamera = z < -0.2; // else it is counted from the neutral, and leaning in can show
    return {
      yaw: soft(head.yaw_deg, 44), pitch: soft(head.pitch_deg, 32), roll: soft(head.roll_deg, 38),
      x: soft(x * 170, 34), y: soft(-y * 130, 22), scale: fromCamera ? 1 : clamp(1 + 0.7 * z, 0.85, 1.15),
    };
  }

  eye(w, side, gaze_deg) {
    const blink = ramp(w(`eyeBlink${side}`), 0.12, 0.72);
    const brow = { down: w(`browDown${side}`), inner: w("browInnerUp"), outer: w(`browOuterUp${side}`) };
    return {
      blink, brow,
      wide: w(`eyeWide${side}`),
      squint: Math.max(0.75 * ramp(w(`eyeSquint${side}`), 0.15, 1), w(`cheekSquint${side}`)),
      happy: ramp(w(`mouthSmile${side}`), 0.25, 0.8),
      gazeX: clamp(gaze_deg[0] / 34, -1.1, 1.1),
      gazeY: clamp(gaze_deg[1] / 30, -1.0, 1.0),
    };
  }

  mouth(w) {
    const side = (s) => ({
      smile: w(`mouthSmile${s}`), frown: w(`mouthFrown${s}`), wide: w(`mouthStretch${s}`) + 0.5 * w(`mouthDimple${s}`),
      press: w(`mouthPress${s}`), lower: w(`mouthLowerDown${s}`), upper: w(`mouthUpperUp${s}`),
    });
    return {
      left: side("Left"), right: side("Right"),
      open: clamp(w("jawOpen") - 0.85 * w("mouthClose"), 0, 1),
      jaw: w("jawOpen"), jawSide: w("jawLeft") - w("jawRight"), jawForward: w("jawForward"),
      funnel: w("mouthFunnel"), pucker: w("mouthPucker"), side: w("mouthLeft") - w("mouthRight"),
      roll: (w("mouthRollLower") + w("mouthRollUpper")) / 2, shrug: 0.6 * w("mouthShrugLower") + 0.4 * w("mouthShrugUpper"),
      tongue: w("tongueOut"),
    };
  }
}
