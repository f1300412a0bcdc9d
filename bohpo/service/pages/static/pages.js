// The pages alive: what is in sight is asked for again when the service tells of a new revision.

const page = document.documentElement;
const root = page.dataset.root;
const CONFIG = {
  responsive: true,
  displaylogo: false,
  plotlyServerURL: "", // no figure leaves for plotly's cloud
  modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
};
const RUNS_MS = 15000; // times that run are told anew so often
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// ---- asking -------------------------------------------------------------------------------------------------------

async function ask(address, tag) {
  const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
  if (answer.status === 401 || (answer.redirected && answer.url.includes("/sign-in"))) location.reload();
  return answer;
}

async function send(path, body, headers = {}, signal = undefined) {
  const answer = await fetch(`${root}/api/v1${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.message), { mistakes: told.mistakes ?? [] });
  return told;
}

function say(words, isTrouble = false) {
  const toast = one("#toast");
  toast.replaceChildren(made("p", { class: isTrouble ? "trouble" : "" }, words));
  clearTimeout(say.timer);
  say.timer = setTimeout(() => toast.replaceChildren(), isTrouble ? 12000 : 5000);
}

// ---- parts and figures: each asks for itself, or all together what is new; one request at a time -----------------

class Piece {
  constructor(element) {
    this.element = element;
    this.tag = "";
    this.isStale = false;
    this.isSeen = false;
    this.isAsking = false;
    this.turn = 0; // of the question: an answer to an older one is dropped
  }

  get runs() {
    return "runs" in this.element.dataset;
  }

  spoil() {
    this.isStale = true;
    this.refresh();
  }

  reset() {
    this.tag = "";
    this.turn += 1;
    this.spoil();
  }

  get isWanted() {
    return this.isStale && this.isSeen && !this.isAsking && !document.hidden;
  }

  refresh() {
    if (this.isWanted) this.receive(ask(this.address, this.tag));
  }

  async receive(coming) {
    this.isAsking = true;
    this.isStale = false;
    const turn = this.turn;
    try {
      const answer = await coming;
      if (turn === this.turn) await this.take(answer);
      else this.isStale = true;
    } catch {
      setTimeout(() => this.spoil(), 5000); // the service is away; the stream of ticks says so
    } finally {
      this.isAsking = false;
    }
    if (this.isStale) this.refresh();
  }

  async take(answer) {
    const again = Number(answer.headers.get("Retry-After")); // it is being drawn, or an earlier one was sent meanwhile
    if (again && answer.status < 400) setTimeout(() => this.spoil(), 1000 * again);
    if (answer.status === 200) {
      this.tag = answer.headers.get("ETag") ?? "";
      await this.show(answer);
    } else if (answer.status >= 400) await this.complain(answer);
  }

  async complain(answer) {
    const told = await answer.json().catch(() => ({ message: `the service answers ${answer.status}` }));
    say(told.message, true);
  }
}

class Part extends Piece {
  get address() {
    return this.element.dataset.part + ("query" in this.element.dataset ? location.search : "");
  }

  async show(answer) {
    const html = await answer.text();
    if (html === this.html) return;
    this.html = html;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    if (focused?.matches("input")) return this.showAround(focused, html);
    const scrolled = all(".scroll, pre", this.element).map((box) => [box.scrollLeft, box.scrollTop, atEnd(box)]);
    const opened = all("details", this.element).map((details) => details.open);
    const key = focused?.dataset.key;
    this.element.innerHTML = html;
    all("details", this.element).forEach((details, at) => (details.open = opened[at] ?? false));
    all(".scroll, pre", this.element).forEach((box, at) => {
      const [left, top, wasAtEnd] = scrolled[at] ?? [0, 0, true];
      box.scrollLeft = left;
      box.scrollTop = "follow" in box.dataset && wasAtEnd ? box.scrollHeight : top;
    });
    if (key) all("[data-key]", this.element).find((candidate) => candidate.dataset.key === key)?.focus();
    settle(this.element);
  }

  showAround(input, html) {
    // Somebody types here: all is exchanged but the form that holds the cursor.
    const fresh = made("div");
    fresh.innerHTML = html;
    const form = input.closest("form");
    one(".note", form)?.replaceWith(one("form .note", fresh));
    while (form.nextSibling) form.nextSibling.remove();
    let next = one("form", fresh).nextSibling;
    while (next) {
      const after = next.nextSibling;
      form.parentNode.append(next);
      next = after;
    }
    settle(this.element);
  }
}

function atEnd(box) {
  return box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
}

// Plotly's script comes after this one and takes a while: figures are asked for meanwhile.
const plotly = new Promise((resolve) => one("script[data-plotly]")?.addEventListener("load", resolve));

class Figure extends Piece {
  constructor(element) {
    super(element);
    this.canvas = one(".canvas", element);
    this.brushes = []; // of a figure of lines across axes: what somebody drew, as plotly's selections
    for (const place of all(".waiting", element)) place.style.height = `${place.dataset.height}px`;
    for (const select of all("[data-option]", element)) select.addEventListener("change", () => this.reset());
  }

  get address() {
    const options = new URLSearchParams(
      all("[data-option]", this.element).map((select) => [select.dataset.option, select.value]).filter(([, value]) => value),
    );
    const address = this.element.dataset.figure;
    return `${address}${address.includes("?") ? "&" : "?"}${options}`;
  }

  async show(answer) {
    const drawn = await answer.json();
    await plotly;
    this.panels = drawn.panels ?? [{ name: "", figure: drawn.figure, sentence: drawn.sentence }];
    this.draw();
  }

  draw() {
    if (!this.panels) return;
    const isMany = this.panels[0]?.name !== "";
    const names = JSON.stringify(this.panels.map((panel) => [panel.name, !panel.figure]));
    if (names !== this.names) {
      this.names = names;
      for (const place of all(".plot", this.canvas)) Plotly.purge(place);
      this.canvas.replaceChildren(...this.panels.map((panel) => frame(panel, isMany)));
      this.canvas.classList.toggle("slices", isMany);
    }
    this.panels.forEach((panel, at) => {
      if (!panel.figure) return;
      const place = one(".plot", this.canvas.children[at]) ?? this.canvas.children[at];
      const layout = { ...structuredClone(panel.figure.layout), uirevision: `kept-${this.turn}` };
      if (place.dataset.turn !== String(this.turn)) askedFor.delete(place); // other axes
      place.dataset.turn = this.turn;
      keepZoom(place, layout);
      if (this.isBrushed) Object.assign(layout, { dragmode: "select", selections: structuredClone(this.brushes) });
      place.style.height = `${layout.height}px`;
      const traces = highlighted(panel.figure.data);
      Plotly.react(place, this.isBrushed ? brushed(traces, this.brushes) : traces, layout, CONFIG);
      if (place.dataset.heard) return;
      place.dataset.heard = "yes";
      place.on("plotly_click", (event) => choose(event.points[0]?.customdata));
      if (!this.isBrushed) return;
      place.on("plotly_selected", (event) => this.brush(event?.selections ?? []));
      place.on("plotly_deselect", () => this.brush([]));
    });
  }

  get isBrushed() {
    return "brushed" in this.element.dataset;
  }

  brush(selections) {
    this.brushes = selections.map(({ x0, x1, y0, y1 }) => ({ x0, x1, y0, y1 }));
    this.draw();
  }
}

// Lines across axes: those that pass through every rectangle that somebody drew, on each axis that it covers, stay.
function brushed(traces, brushes) {
  const passes = ({ x, y }) => brushes.every(({ x0, x1, y0, y1 }) => {
    const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
    const [low, high] = [Math.min(y0, y1), Math.max(y0, y1)];
    return x.every((axis, at) => axis < left || axis > right || (low <= y[at] && y[at] <= high));
  });
  return traces.map((trace) => {
    if (!trace.mode.startsWith("lines")) return trace;
    const opacity = passes(trace) ? (trace.opacity ?? 1) : 0.05;
    return { ...trace, opacity, unselected: { marker: { opacity: 1 } } };
  });
}

// Plotly keeps what somebody zoomed into only as long as the figure asks for the same range as before: so it does, until
// they are back at that range.
const askedFor = new WeakMap();

function keepZoom(place, layout) {
  const before = askedFor.get(place) ?? {};
  const now = {};
  for (const [name, axis] of Object.entries(layout)) {
    if (!/^[xy]axis\d*$/.test(name) || !axis.range) continue;
    const shown = place.layout?.[name]?.range;
    const isZoomed = before[name] && shown && shown.some((edge, at) => edge !== before[name][at]);
    if (isZoomed) axis.range = [...before[name]];
    now[name] = [...axis.range];
  }
  askedFor.set(place, now);
}

function frame(panel, isMany) {
  const inner = panel.figure ? made("div", { class: "plot" }) : made("p", { class: "nothing" }, panel.sentence ?? "");
  return isMany ? made("div", { class: "slice" }, made("h4", {}, panel.name), inner) : inner;
}

function spoil(stale) {
  for (const piece of stale) piece.isStale = true;
  const wanted = stale.filter((piece) => piece.isWanted);
  const source = one("[data-news]")?.dataset.news;
  if (!source || wanted.length < 2) return wanted.forEach((piece) => piece.refresh());
  const answers = askTogether(source, wanted);
  for (const piece of wanted) piece.receive(answers.then((answered) => answered.get(piece)));
}

// Asks what is new of many pieces. The answer is a line of JSON that names the new ones, then their bodies, each
// compressed by itself: the service compresses a piece once for all who look.
async function askTogether(source, wanted) {
  const below = (piece) => piece.address.slice(source.length + 1);
  const names = wanted.map((piece) => ["piece", `${piece.tag} ${below(piece)}`]);
  const answer = await ask(`${source}/news?${new URLSearchParams(names)}`);
  if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
  const content = new Uint8Array(await answer.arrayBuffer());
  const end = content.indexOf(10);
  const answers = new Map(wanted.map((piece) => [piece, new Response(null, { status: 304 })]));
  let at = end + 1;
  for (const { address, tag, again, bytes } of JSON.parse(new TextDecoder().decode(content.subarray(0, end)))) {
    const packed = new Blob([content.subarray(at, (at += bytes))]);
    const headers = { ETag: tag, ...(again ? { "Retry-After": again } : {}) };
    const body = bytes ? packed.stream().pipeThrough(new DecompressionStream("gzip")) : null;
    const piece = wanted.find((candidate) => below(candidate) === address);
    answers.set(piece, new Response(body, { status: bytes ? 200 : 202, headers }));
  }
  return answers;
}

// ---- a trial that was chosen in one figure is marked in all -------------------------------------------------------

let chosen = null;

function highlighted(traces) {
  if (chosen === null) return traces;
  return traces.map((trace) => {
    const numbers = Array.isArray(trace.customdata) ? trace.customdata : null;
    if (numbers === null) return trace;
    if (trace.mode !== "markers" && trace.type !== "bar") {
      return { ...trace, opacity: numbers[0] === chosen ? 1 : 0.12 };
    }
    const selectedpoints = numbers.flatMap((number, at) => (number === chosen ? [at] : []));
    return { ...trace, selectedpoints, unselected: { marker: { opacity: 0.22 } } };
  });
}

function choose(number) {
  const chip = one("#selected");
  if (!chip || !Number.isInteger(number ?? null)) number = null;
  chosen = number === chosen ? null : number;
  if (!chip) return;
  chip.hidden = chosen === null;
  one("span", chip).textContent = `Trial ${chosen}`;
  one("a", chip).href = `${location.pathname}/trials/${chosen}`;
  for (const figure of pieces) if (figure instanceof Figure) figure.draw();
  mark();
}

function mark() {
  for (const row of all("tr[data-trial]")) row.classList.toggle("is-chosen", Number(row.dataset.trial) === chosen);
}

// ---- what is in sight ---------------------------------------------------------------------------------------------

const pieces = [
  ...all("[data-part]").map((element) => new Part(element)),
  ...all("[data-figure]").map((element) => new Figure(element)),
];
const pieceOf = new Map(pieces.map((piece) => [piece.element, piece]));
const sight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const piece = pieceOf.get(entry.target);
      piece.isSeen = entry.isIntersecting;
      piece.refresh();
    }
  },
  { rootMargin: "400px" },
);
for (const piece of pieces) {
  piece.isStale = piece instanceof Figure; // parts came with the page
  sight.observe(piece.element);
  const every = Number(piece.element.dataset.every ?? 0);
  if (every) setInterval(() => "every" in piece.element.dataset && piece.spoil(), every);
}
document.addEventListener("visibilitychange", () => spoil(pieces.filter((piece) => piece.isStale)));
setInterval(() => spoil(pieces.filter((piece) => piece.runs)), RUNS_MS);

// ---- live ---------------------------------------------------------------------------------------------------------

function listen() {
  const live = one("#live");
  const names = new Set(all("[data-ticks]").flatMap((element) => element.dataset.ticks.split(" ")));
  if (!live || !names.size) return;
  const query = new URLSearchParams([...names].filter(Boolean).map((name) => ["campaign", name]));
  const stream = new EventSource(`${root}/api/v1/ticks?${query}`);
  const known = new Map(); // what the page shows already
  for (const element of all("[data-revision]")) known.set(element.dataset.ticks, Number(element.dataset.revision));
  const tell = (state, words) => {
    live.hidden = false;
    live.className = `live ${state}`;
    live.textContent = words;
  };
  stream.addEventListener("open", () => tell("on", "live"));
  stream.addEventListener("error", () => tell("off", "not connected"));
  stream.addEventListener("tick", (event) => {
    const { campaign, revision } = JSON.parse(event.data);
    const isNews = known.has(campaign) && known.get(campaign) !== revision;
    known.set(campaign, revision);
    if (isNews) spoil(pieces);
  });
  addEventListener("pagehide", () => stream.close());
}

// ---- the table of trials: turned, sorted and filtered without a new page ------------------------------------------

function turn(address) {
  history.replaceState(null, "", address);
  pieces.find((piece) => "query" in piece.element.dataset)?.reset();
}

let typing = 0;
document.addEventListener("input", (event) => {
  if (!event.target.matches(".filter input[type=search]")) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    const query = new URLSearchParams(new FormData(event.target.form));
    if (!query.get("q")) query.delete("q");
    turn(`${location.pathname}?${query}`);
  }, 250);
});
document.addEventListener("submit", (event) => event.target.matches(".filter") && event.preventDefault());
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-turn]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  turn(link.getAttribute("href").replace(/#.*$/, ""));
});

// ---- light and dark -----------------------------------------------------------------------------------------------

function offerThemes() {
  const button = one("#theme");
  const themes = ["auto", "light", "dark"];
  const show = () => {
    const theme = page.dataset.theme ?? "auto";
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
    button.setAttribute("aria-label", `Colours: ${theme === "auto" ? "as the system's" : theme}`);
    button.title = button.getAttribute("aria-label");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(page.dataset.theme ?? "auto") + 1) % themes.length];
    if (theme === "auto") delete page.dataset.theme;
    else page.dataset.theme = theme;
    document.cookie = `bohpo-theme=${theme}; path=${root || "/"}; max-age=31536000; samesite=strict`;
    show();
  });
  show();
}

// ---- what changes a campaign --------------------------------------------------------------------------------------

function offerActions() {
  const actions = one("[data-campaign]");
  const address = actions && `/campaigns/${encodeURIComponent(actions.dataset.campaign)}`;
  const act = async (path, body, words) => {
    try {
      const told = await send(`${address}/${path}`, body);
      say(words(told));
    } catch (trouble) {
      say(trouble.message, true);
    }
  };
  for (const name of ["stop", "resume"]) {
    const dialog = one(`dialog#${name}`);
    one(`[data-action=${name}]`)?.addEventListener("click", () => dialog.showModal());
    dialog?.addEventListener("close", () => {
      const value = dialog.returnValue;
      dialog.returnValue = "";
      if (name === "stop" && value) {
        act("stop", { now: value === "now" }, (told) => {
          if (told.driver) return value === "now" ? "It will stop now." : "It will stop when its trainings have ended.";
          return told.jobs ? "No driver is at work; the jobs that it left are ended." : "No driver is at work; nothing runs.";
        });
      } else if (name === "resume" && value) {
        const trials = one("input", dialog).value;
        act("resume", { trials: trials ? Number(trials) : null }, () => "A driver has begun; it goes on from here.");
      }
    });
  }
}

function allow() {
  // What makes no sense as the campaign stands is not offered.
  const standing = one(".state[data-state]");
  if (!standing) return;
  const isDriven = standing.dataset.driven === "yes";
  const stop = one("[data-action=stop]");
  if (stop) stop.disabled = !isDriven && !("jobs" in standing.dataset);
  const resume = one("[data-action=resume]");
  if (resume) resume.disabled = isDriven;
  const curves = standing.dataset.curves.split(" ");
  for (const late of all("[data-with-curve]")) late.hidden = !curves.includes(late.dataset.withCurve);
}

// ---- launching ----------------------------------------------------------------------------------------------------

function drawPlan(told) {
  const rows = (heads, lines) =>
    made(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.join(", ") },
      made(
        "table",
        {},
        made("thead", {}, made("tr", {}, ...heads.map((head) => made("th", { scope: "col" }, head)))),
        made("tbody", {}, ...lines.map(([name, ...cells]) =>
          made("tr", {}, made("th", { scope: "row" }, name), ...cells.map((cell) => made("td", {}, String(cell)))))),
      ),
    );
  const pieces = [made("p", { class: "fine" }, "No mistakes."), rows(["study", "value"], told.summary)];
  if (told.parameters.length) pieces.push(rows(["parameter", "kind", "values", "active when"], told.parameters));
  if (told.cluster.length) pieces.push(made("details", {}, made("summary", {}, "Cluster"), rows(["setting", "value", "from"], told.cluster)));
  return pieces;
}

function drawMistakes(mistakes, message) {
  if (!mistakes.length) return [made("p", { class: "alarm" }, message)];
  const items = mistakes.map(({ key, problem, remedy }) =>
    made("li", {}, made("code", {}, key), ": ", problem, "; ", made("b", {}, remedy)));
  return [
    made("p", { class: "alarm" }, mistakes.length === 1 ? "One mistake" : `${mistakes.length} mistakes`),
    made("ul", { class: "mistakes" }, ...items),
  ];
}

function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function offerLaunch() {
  const form = one("#launch");
  if (!form) return;
  const { listed, study, name, trials, workers } = form.elements;
  const verdict = one("#verdict");
  const plan = one("#plan");
  const [submit, dryRun] = [one("[type=submit]", form), one("#dry-run")];
  let [asking, timer, key] = [null, 0, freshKey()];

  const body = () => ({
    ...(listed.value ? { file: listed.value } : { study: study.value }),
    ...(name.value ? { name: name.value } : {}),
    ...(trials.value ? { trials: Number(trials.value) } : {}),
    ...(workers.value ? { workers: Number(workers.value) } : {}),
  });
  const permit = (may) => (submit.disabled = dryRun.disabled = !may);

  async function check() {
    asking?.abort();
    asking = new AbortController();
    plan.replaceChildren();
    if (!listed.value && !study.value.trim()) {
      permit(false);
      verdict.replaceChildren(made("p", { class: "soft" }, "Choose a study, or write one."));
      return;
    }
    try {
      const told = await send("/check", body(), {}, asking.signal);
      permit(!told.mistakes.length);
      verdict.replaceChildren(...(told.mistakes.length ? drawMistakes(told.mistakes) : drawPlan(told)));
    } catch (trouble) {
      if (trouble.name === "AbortError") return;
      permit(false);
      verdict.replaceChildren(...drawMistakes(trouble.mistakes ?? [], trouble.message));
    }
  }

  form.addEventListener("input", () => {
    key = freshKey();
    permit(false);
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  });
  listed.addEventListener("change", async () => {
    study.readOnly = Boolean(listed.value);
    if (listed.value) study.value = await (await ask(`${root}/api/v1/studies/${encodeURIComponent(listed.value)}`)).text();
    check();
  });
  dryRun.addEventListener("click", async () => {
    try {
      const { plan: told } = await send("/launches", { ...body(), dry_run: true });
      const lines = Object.entries(told).filter(([what]) => what !== "job_script");
      const text = lines.map(([what, value]) => `${what}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join("\n");
      plan.replaceChildren(
        made("h3", {}, "What would run"),
        made("pre", { tabindex: "0" }, text),
        ...(told.job_script ? [made("h3", {}, "Job script of the first trial"), made("pre", { tabindex: "0" }, told.job_script)] : []),
      );
    } catch (trouble) {
      plan.replaceChildren(...drawMistakes(trouble.mistakes ?? [], trouble.message));
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    permit(false);
    try {
      const told = await send("/launches", body(), { "Idempotency-Key": key });
      location.assign(`${root}/campaigns/${encodeURIComponent(told.campaign)}`);
    } catch (trouble) {
      permit(true);
      plan.replaceChildren(...drawMistakes(trouble.mistakes ?? [], trouble.message));
    }
  });
  ask(`${root}/api/v1/studies`).then(async (answer) => {
    const groups = new Map();
    for (const { id, folder, file } of (await answer.json()).files) {
      if (!groups.has(folder)) groups.set(folder, made("optgroup", { label: folder }));
      groups.get(folder).append(made("option", { value: id }, file));
    }
    listed.append(...groups.values());
  });
  check();
}

// ---- exporting ----------------------------------------------------------------------------------------------------

function offerPreview() {
  const form = one("#export");
  if (!form) return;
  const preview = one("#preview");
  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const answer = await ask(`${form.action}?${new URLSearchParams(new FormData(form))}`);
    const text = answer.ok ? await answer.text() : (await answer.json()).message;
    if (mine === turn) preview.textContent = text.length > 20000 ? `${text.slice(0, 20000)}\n…` : text;
  };
  form.addEventListener("input", show);
  show();
}

// ---- all of it ----------------------------------------------------------------------------------------------------

function settle(within) {
  if (within === document) for (const box of all("pre[data-follow]")) box.scrollTop = box.scrollHeight;
  for (const button of all("[data-copy]", within)) button.hidden = !navigator.clipboard;
  mark();
  allow();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  say("Copied.");
});
one("#selected button")?.addEventListener("click", () => choose(null));
document.addEventListener("keydown", (event) => event.key === "Escape" && chosen !== null && choose(null));
offerThemes();
offerActions();
offerLaunch();
offerPreview();
settle(document);
listen();
