(() => {
"use strict";
const $ = (id) => document.getElementById(id);
const form = $("filter"), q = $("q"), out = $("count"), nothing = $("nothing");
const chips = [...form.querySelectorAll("[name=o]")];
const rows = [...document.querySelectorAll("[data-o]")].map((el) => ({el, d: el.dataset, text: null}));
const folds = [...document.querySelectorAll("section.sec, section.chapter, .group, .cause, .behind")];

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
