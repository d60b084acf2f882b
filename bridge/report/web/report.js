/* The page: figures as tiles and tables, the channel picker, the timeline. plot.js has the plots. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { summary, blinks } = data, t = unpack(data.curves.t_ms, 1000, data.curves.t_ms.length);
  const view = new View(summary.duration_s);
  const $ = (id) => document.getElementById(id);
  const TONES = { lost: "bad", jump: "bad", spike: "warn", stall: "warn", lids: "warn" };
  const PRESENCE = [["LIVE", "--teal", "seen"], ["HELD", "--orange", "held"], ["LOST", "--bad", "lost"]];
  const SECTIONS = [
    ["Head", (name) => name.startsWith("head")], ["Eyes", (name) => /^(eye|gaze)/.test(name)], ["Brows", (name) => name.startsWith("brow")],
    ["Jaw", (name) => name.startsWith("jaw")], ["Mouth", (name) => name.startsWith("mouth")], ["Cheeks, nose, tongue", () => true],
  ];

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
    return node;
  }
  const known = (value, text) => (value === null || value === undefined ? "–" : text(value));
  const percent = (share, digits = 0) => known(share, (value) => `${(100 * value).toFixed(digits)} %`);
  const bar = (value, style = "", tone = "") => {
    const fill = make("i", { class: style, style: `width:${(100 * Math.min(Math.max(value || 0, 0), 1)).toFixed(1)}%` });
    if (tone) fill.style.setProperty("--tone", `var(${tone})`);
    return make("div", { class: "meter" }, fill);
  };
  const legend = (list, entries, block = false) => list.replaceChildren(...entries.map(([colour, text]) => {
    const swatch = make("i", block ? { class: "block" } : {});
    swatch.style.setProperty("--tone", `var(${colour})`);
    return make("li", {}, swatch, text);
  }));
  const unitOf = (name) => (/^head[XYZ]$/.test(name) ? " cm" : /^(head|gaze)/.test(name) ? "°" : "");
  const curveOf = (name, which) => {
    const { scale, [which]: packed } = data.curves.series[name];
    return packed === null ? null : unpack(packed, scale, t.length);
  };

  // --- header and tiles
  const KINDS = { recording: "recording, played through the stages", trace: "trace of a run", final: "recording of what outputs got" };
  $("name").textContent = data.name;
  $("made").textContent = `Motion report · ${KINDS[data.kind]} · avatar-bridge ${data.version} · ${data.system}`;

  function tile(what, value, unit, note, tone = "") {
    $("tiles").append(make("div", { class: `tile ${tone}` }, make("span", { class: "what" }, what), make("strong", {}, value, make("small", {}, unit)), make("span", {}, note)));
  }
  const judge = (value, good, fair, upward = true) =>
    value === null || value === undefined ? "" : (upward ? value >= good : value <= good) ? "good" : (upward ? value >= fair : value <= fair) ? "warn" : "bad";
  const median = (values) => (values.length ? [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] : null);
  const ratios = data.groups.map((group) => group.jitter.ratio).filter((ratio) => ratio !== null);
  const lags = (wanted) => data.groups.filter(({ group }) => wanted === (group === "rotation")).filter(({ group }) => group !== "position").map((group) => group.lag_ms).filter((lag) => lag !== null);
  const calm = median(ratios), lag = median(lags(false)), headLag = median(lags(true));
  tile("Length", clock(summary.duration_s, 0.1), "", `${summary.steps.toLocaleString("en")} frames`);
  tile("Frame rate", summary.fps.toFixed(1), "fps", summary.late ? `${summary.late} late, longest gap ${(1000 * summary.longest_gap_s).toFixed(0)} ms` : "no frame was late", judge(summary.fps, 24, 15));
  tile("Face seen", (100 * summary.seen_share).toFixed(1), "%", summary.dropouts ? `${summary.dropouts} dropouts, longest ${summary.longest_dropout_s.toFixed(1)} s` : "no dropouts", judge(summary.seen_share, 0.97, 0.85));
  if (calm !== null) tile("Rest jitter", (100 * calm).toFixed(0), "%", "of the tracker's remains", judge(calm, 0.4, 0.75, false));
  if (lag !== null) tile("Added lag", lag.toFixed(0), "ms", headLag === null ? "face" : `face; head ${headLag.toFixed(0)} ms`, judge(lag, 20, 45, false));
  if (summary.latency_ms.p50 !== null) tile("Tracker latency", summary.latency_ms.p50.toFixed(0), "ms", `p95 ${summary.latency_ms.p95.toFixed(0)} ms, frame to result`, judge(summary.latency_ms.p50, 35, 70, false));
  tile("Blinks", blinks.count, blinks.per_minute === null ? "" : `${blinks.per_minute.toFixed(0)}/min`, blinks.count ? `${percent(blinks.both_closed_share)} close both eyes fully` : "none seen", blinks.count > 2 ? judge(blinks.both_closed_share, 0.7, 0.3) : "");

  // --- plots
  const plot = new Plot($("plot"), t, view), head = new Plot($("head"), t, view);
  const gaps = data.presence.filter(([, , code]) => code > 0).map(([from, to, code]) => [from, to, PRESENCE[code][1]]);
  plot.marks = head.marks = gaps;
  const HEAD = [["headYaw", "--teal", "yaw"], ["headPitch", "--orange", "pitch"], ["headRoll", "--violet", "roll"]];
  const headCurves = HEAD.flatMap(([name, colour]) => {
    const raw = curveOf(name, "raw"), final = curveOf(name, "final");
    return [...(raw ? [{ values: raw, colour, width: 1, faint: true }] : []), ...(final ? [{ values: final, colour, width: 2 }] : [])];
  });
  head.show(headCurves, { unit: "°", least: 4 });

  let picked = "", curves = [];
  function pick(name) {
    picked = name;
    const unit = unitOf(name), raw = curveOf(name, "raw"), final = curveOf(name, "final");
    curves = [
      ...(final ? [{ label: "final", values: final, colour: "--teal", width: 3 }] : []),
      ...(raw ? [{ label: "raw", values: raw, colour: "--orange", width: 1.2 }] : []),
    ];
    $("picked").textContent = name + (data.curves.thinned ? " (lowest and highest of each stretch)" : "");
    plot.show(curves, { unit, limits: unit ? null : [-0.03, 1.03], least: unit === "°" ? 4 : 1 });
    for (const row of document.querySelectorAll(".channel")) row.setAttribute("aria-selected", String(row.dataset.channel === name));
    legends();
  }
  function legends() {
    const i = view.at === null ? -1 : plot.nearest(), unit = unitOf(picked);
    const value = (values, digits, suffix) => (i < 0 ? "" : Number.isNaN(values[i]) ? " –" : ` ${values[i].toFixed(digits)}${suffix}`);
    const when = i < 0 ? [] : [["--dim", clock(t[i], 0.001)]];
    legend($("plot-legend"), [...when, ...curves.map((curve) => [curve.colour, curve.label + value(curve.values, unit ? 1 : 3, unit)])]);
    legend($("head-legend"), HEAD.map(([name, colour, label]) => [colour, label + value(curveCache[name], 1, "°")]));
  }
  const curveCache = Object.fromEntries(HEAD.map(([name]) => [name, curveOf(name, "final") || new Float64Array(t.length).fill(NaN)]));
  view.listeners.push(legends);

  // --- the timeline
  const strip = $("strip");
  strip.setAttribute("data-height", strip.getAttribute("height"));
  legend($("presence-legend"), [
    ...PRESENCE.map(([name, colour, label]) => [colour, `${label} ${summary.presence_s[name].toFixed(1)} s`]), ["--text", "blinks"], ["--warn", "look here"],
  ], true);
  function drawStrip() {
    const [pen, width, height] = sheet(strip), style = getComputedStyle(document.documentElement);
    const tone = (name) => style.getPropertyValue(name).trim(), x = (time) => (time / view.length) * width;
    data.presence.forEach(([from, to, code]) => {
      pen.fillStyle = tone(PRESENCE[code][1]);
      pen.globalAlpha = code ? 0.95 : 0.5;
      pen.fillRect(x(from), 12, Math.max(x(to) - x(from), code ? 1.5 : 0), height - 24);
    });
    pen.globalAlpha = 0.75;
    pen.fillStyle = tone("--text");
    blinks.times.forEach(([from, to]) => pen.fillRect(x(from), height - 9, Math.max(x(to) - x(from), 1.5), 7));
    pen.globalAlpha = 1;
    data.moments.forEach((moment) => {
      pen.fillStyle = tone(`--${TONES[moment.kind]}`);
      pen.beginPath();
      pen.moveTo(x(moment.t) - 4.5, 1);
      pen.lineTo(x(moment.t) + 4.5, 1);
      pen.lineTo(x(moment.t), 10);
      pen.fill();
    });
    if (view.to - view.from < view.length * 0.999) {
      pen.fillStyle = tone("--back");
      pen.globalAlpha = 0.62;
      pen.fillRect(0, 0, x(view.from), height);
      pen.fillRect(x(view.to), 0, width, height);
      pen.globalAlpha = 1;
      pen.strokeStyle = tone("--text");
      pen.strokeRect(x(view.from) + 0.5, 0.5, Math.max(x(view.to) - x(view.from) - 1, 2), height - 1);
    }
  }
  let holding = false;
  const follow = (event) => {
    const middle = ((event.clientX - strip.getBoundingClientRect().left) / strip.clientWidth) * view.length;
    const span = Math.min(view.to - view.from, view.length / 4);
    view.show(middle - span / 2, middle + span / 2);
  };
  strip.addEventListener("pointerdown", (event) => { holding = true; strip.setPointerCapture(event.pointerId); follow(event); });
  strip.addEventListener("pointermove", (event) => { if (holding) follow(event); });
  for (const end of ["pointerup", "pointercancel"]) strip.addEventListener(end, () => { holding = false; });
  strip.addEventListener("dblclick", () => view.show(0, view.length));
  view.listeners.push(drawStrip);

  // --- the picker
  const rows = new Map(data.channels.map((row) => [row.name, row])), left = new Set(Object.keys(data.curves.series));
  for (const [title, belongs] of SECTIONS) {
    const names = [...left].filter(belongs);
    names.forEach((name) => left.delete(name));
    const box = make("div", { class: "section" }, make("h3", {}, title));
    names.forEach((name) => {
      const row = rows.get(name), dead = row && row.found === "dead";
      const button = make("button", { class: `channel${dead ? " dead" : ""}`, role: "option", type: "button", "data-channel": name }, make("span", {}, name));
      if (row) {
        const meter = bar(row.raw && row.raw.p99_5, "before");
        meter.append(bar(row.final && row.final.p99_5).firstChild);
        button.append(meter);
      }
      button.addEventListener("click", () => pick(name));
      box.append(button);
    });
    $("channels").append(box);
  }
  $("search").addEventListener("input", ({ target }) => {
    const wanted = target.value.toLowerCase().replace(/[^a-z]/g, "");
    for (const row of document.querySelectorAll(".channel")) row.hidden = !row.dataset.channel.toLowerCase().includes(wanted);
    for (const box of document.querySelectorAll(".section")) box.hidden = ![...box.querySelectorAll(".channel")].some((row) => !row.hidden);
  });

  // --- tables
  const shown = (value, unit) => known(value, (x) => (unit ? `${x.toFixed(3)}${unit === "cm" ? " cm" : unit}` : x.toFixed(4)));
  $("groups").append(make("table", {},
    make("tr", {}, ...["", "before and after", "raw", "final", "remains", "lag"].map((head, i) => make("th", i > 1 ? { class: "number" } : {}, head))),
    ...data.groups.map(({ group, unit, jitter, lag_ms }) => {
      const bars = make("td", { class: "bars" });
      if (jitter.raw) bars.append(bar(1, "before"), bar(jitter.ratio));
      else bars.append(make("span", { class: "dim" }, jitter.rest_s ? `${jitter.rest_s.toFixed(1)} s at rest` : "never at rest"));
      const cells = [shown(jitter.raw, unit), shown(jitter.final, unit), percent(jitter.ratio), known(lag_ms, (ms) => `${ms.toFixed(0)} ms`)];
      return make("tr", {}, make("td", {}, group), bars, ...cells.map((cell) => make("td", { class: "number" }, cell)));
    })),
  make("p", { class: "dim hint" }, "RMS second difference while face and head are still, every channel of the group together; raw is what the tracker delivered."));

  $("moments").append(...data.moments.map((moment) => {
    const button = make("button", { type: "button" }, make("time", {}, clock(moment.t, 0.01)), make("span", {}, moment.text), make("span", { class: `chip ${TONES[moment.kind]}` }, moment.kind));
    button.addEventListener("click", () => {
      pick(moment.channel);
      view.show(moment.t - 1.2, moment.t + Math.max(moment.length_s, 0.3) + 1.2);
      $("plot").scrollIntoView({ block: "center", behavior: "smooth" });
    });
    return make("li", {}, button);
  }));
  if (!data.moments.length) $("moments").append(make("li", { class: "dim" }, "Nothing stands out: no face lost, no frame late, no jump of the head."));

  const range = (label, open, peak, style) => {
    const meter = bar(peak, style);
    if (open !== null && peak !== null) meter.firstChild.style.left = `${100 * open}%`, meter.firstChild.style.width = `${100 * Math.max(peak - open, 0)}%`;
    return make("div", { class: "range" }, label, meter, make("b", {}, `${known(open, (x) => x.toFixed(2))} … ${known(peak, (x) => x.toFixed(2))}`));
  };
  $("blinks").append(
    make("p", { class: "dim" }, blinks.count
      ? `${blinks.count} blinks of both eyes, ${blinks.winks.length} winks. In a blink the lids of the avatar differ by up to ${known(blinks.uneven, (x) => x.toFixed(2))} on average.`
      : `No blink of both eyes was seen; ${blinks.winks.length} winks.`),
    make("div", { class: "eyes" }, ...blinks.eyes.map((eye) => make("div", { class: "eye" }, make("h3", {}, `${eye.eye} eye`),
      range("raw", eye.raw_open, eye.raw_peak, "before"), range("final", eye.final_open, eye.final_peak, ""),
      make("span", { class: "dim" }, `${percent(eye.closed_share)} of its blinks close it fully`)))),
    make("p", { class: "dim hint" }, "From how open it is otherwise to the peak of a blink, medians; 1 is closed."));

  const kinds = [
    ["Come alive here", (row) => row.found === "live", "good"], ["Weak here", (row) => row.found === "weak", "warn"],
    ["Never moved here, though the model can", (row) => row.found === "dead" && row.support !== "dead", "bad"],
    ["Dead: the model does not deliver them", (row) => row.found === "dead" && row.support === "dead", "calm"],
  ];
  for (const [title, belongs, tone] of kinds) {
    const found = data.channels.filter(belongs);
    if (!found.length) continue;
    const names = found.map((row) => row.name), partner = (name) => (/(Left|Right)$/.test(name) && !/^(jaw|mouth)(Left|Right)$/.test(name)
      ? name.replace(/(Left|Right)$/, (side) => (side === "Left" ? "Right" : "Left")) : "");
    const chips = make("div", { class: "chips" }, ...names.filter((name) => !(name.endsWith("Right") && names.includes(partner(name)))).map((name) => {
      const both = names.includes(partner(name));
      const chip = make("button", { class: `chip ${tone}`, type: "button" }, both ? `${name.replace(/Left$/, "")} L R` : name);
      chip.addEventListener("click", () => pick(name));
      return chip;
    }));
    $("support").append(make("h3", {}, `${title} · ${found.length}`), chips);
  }

  // --- settings
  const changed = Object.entries(data.changed);
  $("settings").append(
    make("p", { class: "dim hint" }, data.kind === "recording"
      ? "With these settings the recording was played through the stages." : "The settings of whoever made this page; the take itself may have been made with others."),
    make("pre", {}, changed.length ? changed.map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n") : "all as they ship"),
    make("details", {}, make("summary", { class: "dim" }, "every key"), make("pre", {}, JSON.stringify(data.settings, null, 2))));

  const redraw = () => view.changed();
  new ResizeObserver(redraw).observe($("plot"));
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", redraw);
  pick(rows.get("jawOpen").found === "live" && !blinks.count ? "jawOpen" : "eyeBlinkLeft");
  redraw();
  window.motionReport = { view, pick, data, state: () => ({ picked, from: view.from, to: view.to, drawn: curves.map((curve) => curve.label), points: curves.map((curve) => Array.from(curve.values)) }) };
})();
