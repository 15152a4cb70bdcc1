(() => {
"use strict";
const $ = (id) => document.getElementById(id);
const form = $("filter"), q = $("q"), out = $("count"), nothing = $("nothing");
const rows = [...document.querySelectorAll("tr[data-s]")].map((el) => ({el, d: el.dataset, text: el.cells[0].textContent.toLowerCase()}));
const groups = [...document.querySelectorAll(".matrix tbody, .cmp")];
const everything = out.textContent;

function apply() {
  const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const w = $("w").value, v = $("v").value, s = $("s").value;
  let n = 0;
  for (const {el, d, text} of rows) {
    const fits = (!w || d[w]) && (!v || d.v === v) && (!s || d.s === s) && words.every((word) => text.includes(word));
    el.hidden = !fits;
    if (fits) n++;
  }
  for (const el of groups) el.hidden = !el.querySelector("tr[data-s]:not([hidden])");
  out.value = words.length || w || v || s ? n + (n === 1 ? " statement" : " statements") : everything;
  nothing.hidden = n > 0;
}

let timer;
form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 60); });
form.addEventListener("reset", () => setTimeout(apply));
form.addEventListener("submit", (e) => { e.preventDefault(); apply(); });
if (q.value || $("w").value || $("v").value || $("s").value) apply();

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "/" && !document.activeElement.matches("input,select")) { e.preventDefault(); q.focus(); q.select(); }
  if (e.key === "Escape" && document.activeElement === q) { q.value = ""; apply(); }
});
})();
