// Calibration: the buttons, the guide with captions and progress, the profiles.

import { byId, element, setText } from "./dom.js";
import { TEXT } from "./text.js";

const PERIOD_MS = 100;

export class Calibration {
  constructor(control, tell) {
    Object.assign(this, { control, tell, attempt: 0, step: 0, sound: null, shown: "" });
    this.on("recenter", "click", () => this.simple("recenter", TEXT.recentered));
    this.on("calibrate", "click", () => this.begin("neutral"));
    this.on("wizard", "click", () => this.begin("wizard"));
    this.on("undo", "click", () => this.simple("calibration.undo", TEXT.undone));
    this.on("insist", "click", () => this.simple("calibration.insist", TEXT.insisted));
    this.on("stopGuide", "click", () => this.simple("calibration.cancel", ""));
    this.on("profile", "change", () => this.choose(byId("profile").value));
    this.on("saveAs", "click", () => this.askName());
    this.on("naming", "submit", (event) => this.save(event));
  }

  on(id, event, act) {
    byId(id).addEventListener(event, act);
  }

  // Once a second, with the bridge's status.
  update(calibration) {
    if (!calibration) {
      return;
    }
    byId("undo").disabled = !calibration.undo;
    this.profiles(calibration);
    if (!this.attempt) {
      byId("insist").hidden = !calibration.can_insist;
      if (calibration.state === "collecting") {
        this.follow(calibration.attempt); // begun elsewhere: in a terminal, by a button over OSC
      }
    }
  }

  async simple(method, done) {
    try {
      await this.control.call(method);
      this.tell(done, "good");
      byId("insist").hidden = true;
    } catch (error) {
      this.tell(TEXT.failed(error.message), "bad");
    }
  }

  async begin(guide) {
    this.sound ??= new Sound();
    try {
      const { attempt } = await this.control.call("calibrate", { guide });
      this.tell("");
      await this.follow(attempt);
    } catch (error) {
      this.end();
      this.tell(TEXT.failed(error.message), "bad");
    }
  }

  async follow(attempt) {
    if (this.attempt) {
      return;
    }
    [this.attempt, this.step] = [attempt, 0];
    this.buttons(true);
    try {
      for (;;) {
        const status = await this.control.call("calibration.status");
        if (status.attempt >= attempt) {
          if (status.state !== "collecting") {
            this.verdict(status);
            return;
          }
          this.show(status);
        }
        await new Promise((resolve) => window.setTimeout(resolve, PERIOD_MS));
      }
    } catch (error) {
      this.tell(TEXT.failed(error.message), "bad");
    } finally {
      this.end();
    }
  }

  show({ number, count, message, progress, watching, notes }) {
    byId("guide").hidden = false;
    if (this.step !== number) {
      if (this.step) {
        this.sound?.play(660);
      }
      this.step = number;
      byId("steps").replaceChildren(...Array.from({ length: count }, (_, i) => element("i", { className: i + 1 < number ? "done" : i + 1 === number ? "now" : "" })));
      byId("steps").hidden = count < 2;
    }
    setText(byId("caption"), message);
    setText(byId("waiting"), watching ? TEXT.hold : TEXT.waiting);
    setText(byId("notes"), (notes ?? []).join(" · "));
    byId("guide").classList.toggle("watching", watching);
    byId("progress").firstElementChild.style.transform = `scaleX(${progress ?? 0})`;
  }

  verdict({ state, message, can_insist: canInsist }) {
    if (this.step) {
      this.sound?.play(state === "accepted" ? 880 : 330);
    }
    const tone = { accepted: "good", rejected: "bad" }[state] ?? "";
    this.tell(message || (tone === "bad" ? TEXT.failed(state) : TEXT.calibrated), tone);
    byId("insist").hidden = !canInsist;
  }

  end() {
    this.attempt = 0;
    byId("guide").hidden = true;
    this.buttons(false);
  }

  buttons(busy) {
    for (const id of ["calibrate", "wizard"]) {
      byId(id).disabled = busy;
    }
  }

  // --- profiles ---

  profiles({ profile, profiles }) {
    const names = profiles ?? [];
    const shown = JSON.stringify([profile, names]);
    if (shown === this.shown || document.activeElement === byId("profile")) {
      return;
    }
    this.shown = shown;
    const known = profile && !names.includes(profile) ? [profile, ...names] : names;
    const none = element("option", { value: "", text: names.length ? TEXT.noProfile : TEXT.noProfiles });
    const options = known.map((name) => element("option", { value: name, text: name }));
    byId("profile").replaceChildren(...(profile ? [] : [none]), ...options);
    byId("profile").value = profile ?? "";
    byId("profile").disabled = known.length === 0;
  }

  async choose(name) {
    if (!name) {
      return;
    }
    byId("profile").blur();
    try {
      const { message } = await this.control.call("calibration.use", { name });
      this.tell(message ?? "", "good");
    } catch (error) {
      this.tell(TEXT.failed(error.message), "bad");
    }
  }

  askName() {
    byId("naming").hidden = !byId("naming").hidden;
    byId("name").focus();
  }

  async save(event) {
    event.preventDefault();
    try {
      const { saved } = await this.control.call("calibration.save", { name: byId("name").value });
      byId("naming").hidden = true;
      byId("name").value = "";
      this.tell(TEXT.saved(saved), "good");
    } catch (error) {
      this.tell(TEXT.failed(error.message), "bad");
    }
  }
}

// A short tone at the end of each step: closed eyes cannot read.
class Sound {
  constructor() {
    // Browsers complain about sound on a page that nobody has touched.
    this.context = navigator.userActivation?.hasBeenActive === false ? null : new AudioContext();
  }

  play(hertz) {
    if (!this.context) {
      return;
    }
    const { currentTime: now } = this.context;
    const [tone, volume] = [this.context.createOscillator(), this.context.createGain()];
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, now);
    volume.gain.exponentialRampToValueAtTime(0.12, now + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.22);
    tone.connect(volume).connect(this.context.destination);
    tone.start(now);
    tone.stop(now + 0.25);
  }
}
