(() => {
"use strict";
const $ = (id) => document.getElementById(id);
const form = $("filter"), q = $("q"), out = $("count"), nothing = $("nothing");
const chips = [...form.querySelectorAll("[name=o]")];
const rows = [...document.querySelectorAll("[data-o]")].map((el) => ({el, d: el.dataset, text: null}));
const folds = [...document.querySelectorAll("section.sec, section.chapter, .group")];

// What a search looks at: IDs, summaries, titles, reasons; not the exchanges.
function textOf(row) {
  if (row.text === null) {
    const parts = [...row.el.querySelectorAll(".id, .t, .why, .ref, .body>.meta, .in>.meta")].map((e) => e.textContent);
    row.text = parts.join(" ").toLowerCase();
  }
  return row.text;
}

const everything = out.textContent;

function apply() {
  const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const outcomes = new Set(chips.filter((c) => c.checked).map((c) => c.value));
  const v = $("v").value, l = $("l").value, s = $("s").value;
  let statements = 0, checks = 0;
  for (const row of rows) {
    const d = row.d;
    const fits = (!outcomes.size || outcomes.has(d.o)) && (!v || d.v === v) && (!l || d.l === l) && (!s || d.s === s) &&
      words.every((w) => textOf(row).includes(w));
    row.el.hidden = !fits;
    if (fits) { if (d.n === undefined) checks++; else { statements++; } }
  }
  for (const el of folds) el.hidden = !el.querySelector("[data-o]:not([hidden])");
  for (const h of document.querySelectorAll("h2.version")) {
    let el = h.nextElementSibling, any = false;
    while (el && el.matches(".chapter")) { any = any || !el.hidden; el = el.nextElementSibling; }
    h.hidden = !any;
  }
  const all = !(words.length || outcomes.size || v || l || s);
  out.value = all ? everything : statements + (statements === 1 ? " statement, " : " statements, ") + checks + (checks === 1 ? " finding" : " findings");
  nothing.hidden = statements + checks > 0;
}

let timer;
form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 60); });
form.addEventListener("reset", () => setTimeout(apply));
form.addEventListener("submit", (e) => { e.preventDefault(); apply(); });
if (q.value || chips.some((c) => c.checked) || $("v").value || $("l").value || $("s").value) apply();

// The exchanges of passing checks are text, a line of fields between tabs per
// event, until somebody opens one: then it is drawn like the others.
function draw(pre) {
  const rows = pre.textContent.trimEnd().split("\n").map((line) => line.split("\t"));
  const lanes = new Map();
  const el = (tag, text, cls) => {
    const e = document.createElement(tag);
    if (text) e.textContent = text;
    if (cls) e.className = cls;
    return e;
  };
  const steps = rows.map(([clock, who, packet, hex, breach]) => {
    if (who === undefined) return {other: clock};
    const out = who.endsWith(" → broker"), back = !out && who.startsWith("broker → ");
    const name = out ? who.slice(0, -9) : back ? who.slice(9) : who;
    if (name && !lanes.has(name)) lanes.set(name, lanes.size + 1);
    return {clock, who, packet, hex, breach, name, dir: out ? "o" : back ? "i" : "n"};
  });
  const many = lanes.size > 6;
  const seq = el("ol", "", "seq n" + (many ? 0 : lanes.size));
  if (!many && lanes.size) {
    const head = el("li", "", "hd");
    head.ariaHidden = "true";
    for (const name of lanes.keys()) { const s = el("span", name); s.title = name; head.append(s); }
    head.append(el("span", "broker", "bk"));
    seq.append(head);
  }
  for (const s of steps) {
    if (s.other) {
      seq.append(s.other.startsWith("⋮ ") ? el("li", s.other.slice(2), "gap") : el("li", s.other.replace(/^… /, ""), "cut"));
      continue;
    }
    const li = el("li", "", s.dir + (many || !s.name ? "" : " l" + lanes.get(s.name)) + (s.breach ? " x" : ""));
    const p = el("p", s.packet);
    if (s.hex) p.append(el("code", s.hex));
    if (s.breach) p.append(el("em", s.breach));
    li.append(el("i", s.clock), el("b", s.who), p);
    seq.append(li);
  }
  const box = el("div", "", "x");
  box.append(seq);
  pre.replaceWith(box);
}
document.addEventListener("toggle", (e) => {
  if (!e.target.open || !e.target.matches("details.c")) return;
  const pre = e.target.querySelector(":scope > .body > .xt");
  if (pre) draw(pre);
}, true);

// A link to a row opens it, and whatever it stands in.
function reveal() {
  let el = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!el) return;
  const target = el;
  if (el.closest("[hidden]")) { form.reset(); apply(); }
  for (; el; el = el.parentElement) if (el.tagName === "DETAILS") el.open = true;
  target.scrollIntoView();
  const focus = target.querySelector("summary");
  if (focus) focus.focus({preventScroll: true});
}
addEventListener("hashchange", reveal);
document.addEventListener("click", (e) => {
  const a = e.target.closest("a[href^='#']");
  if (a && a.hash === location.hash) reveal();
});
reveal();

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const at = document.activeElement, typing = at && at.matches("input,select,textarea");
  if (e.key === "/" && !typing) { e.preventDefault(); q.focus(); q.select(); return; }
  if (e.key === "Escape" && at === q) { q.value = ""; apply(); return; }
  if (!at || at.tagName !== "SUMMARY") return;
  const d = at.parentElement;
  if (e.key === "ArrowRight" && !d.open) { d.open = true; e.preventDefault(); }
  if (e.key === "ArrowLeft") {
    e.preventDefault();
    if (d.open) { d.open = false; return; }
    const up = d.parentElement.closest("details");
    if (up) up.querySelector("summary").focus();
  }
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    const seen = [...document.querySelectorAll("summary")].filter((s) => s.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) && s.getClientRects().length);
    const next = seen[seen.indexOf(at) + (e.key === "ArrowDown" ? 1 : -1)];
    if (next) { next.focus(); e.preventDefault(); }
  }
});

for (const box of document.querySelectorAll(".cmd")) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = "Copy";
  b.addEventListener("click", async () => {
    const pre = box.querySelector("pre");
    try { await navigator.clipboard.writeText(pre.textContent); b.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(pre); b.textContent = "Selected"; }
    setTimeout(() => { b.textContent = "Copy"; }, 1500);
  });
  box.append(b);
}

// On paper the findings are open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll(".attention details:not([open]), .panel:not([open])")];
  for (const d of opened) d.open = true;
});
addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
})();
