// What the bridge says of itself once a second: source, outputs, notice.

import { byId, element, setText } from "./dom.js";
import { TEXT } from "./text.js";

const SOURCE_TONES = { running: "good", opening: "calm", waiting: "calm", paused: "calm", ended: "calm", lost: "bad", failed: "bad" };
const OUTPUT_TONES = { sending: "good", waiting: "calm", connecting: "calm", off: "calm", faulted: "bad", rejected: "bad" };

const whole = new Intl.NumberFormat("en");
const decimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function chip(tone, text) {
  return element("span", { className: `chip ${tone}`, text });
}

export class Panels {
  constructor() {
    this.shown = new Map();
  }

  update(status) {
    setText(byId("version"), status.version ?? "");
    setText(byId("viewers"), status.viewers === undefined ? "–" : whole.format(status.viewers));
    this.notice(status.notice ?? "");
    this.replace("source", this.source(status.source ?? {}));
    this.replace("outputs", this.outputs(status.outputs ?? []));
  }

  // Only what changed is built anew: a reader, or a selection, is not disturbed once a second.
  replace(id, nodes) {
    const box = element("div", {}, ...nodes);
    if (this.shown.get(id) !== box.innerHTML) {
      this.shown.set(id, box.innerHTML);
      byId(id).replaceChildren(...nodes);
    }
  }

  notice(text) {
    byId("notice").hidden = !text;
    setText(byId("notice"), text);
  }

  source({ label, state, requested, delivered, fps_measured: measured, warning, error }) {
    const facts = [];
    if (delivered && requested && delivered !== requested) {
      facts.push(`${TEXT.asked} ${requested}, ${TEXT.delivered} ${delivered}`);
    } else if (delivered || requested) {
      facts.push(delivered || requested);
    }
    if (typeof measured === "number") {
      facts.push(TEXT.measured(decimal.format(measured)));
    }
    return [
      element("div", { className: "line" }, element("strong", { text: label ?? "–" }), chip(SOURCE_TONES[state] ?? "calm", TEXT.sourceStates[state] ?? state ?? "")),
      ...facts.map((text) => element("p", { className: "fact", text })),
      ...[warning, error].filter(Boolean).map((text) => element("p", { className: "problem", text })),
    ];
  }

  outputs(outputs) {
    if (outputs.length === 0) {
      return [element("p", { className: "fact", text: TEXT.noOutputs })];
    }
    return outputs.map((output) => this.output(output));
  }

  output({ name, url, state, note, fps, sent, last_error: lastError, retry_in_s: retry }) {
    const bad = OUTPUT_TONES[state] === "bad";
    const facts = state === "sending" ? [TEXT.rate(decimal.format(fps ?? 0)), TEXT.sent(whole.format(sent ?? 0))] : [];
    if (note && !bad) {
      facts.push(note);
    }
    const card = element(
      "div", { className: "output", "data-output": name, "data-state": state },
      element("div", { className: "line" }, element("strong", { text: name }), chip(OUTPUT_TONES[state] ?? "calm", TEXT.outputStates[state] ?? state)),
      element("p", { className: "url", text: withoutSecret(url ?? "") }),
    );
    if (facts.length) {
      card.append(element("p", { className: "fact", text: facts.join(" · ") }));
    }
    if (bad && (note || lastError)) {
      card.append(element("p", { className: "problem", text: note || lastError }));
    }
    if (bad && typeof retry === "number") {
      card.append(element("p", { className: "fact", text: TEXT.retry(Math.ceil(retry)) }));
    }
    return card;
  }
}

// The page may be on stream: a token in an address is nobody's business.
function withoutSecret(url) {
  return url.replace(/([?&]token=)[^&]*/, "$1…");
}
