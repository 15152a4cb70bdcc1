(() => {
"use strict";
// What is folded of an exchange is text, a line of fields between tabs per
// event, until somebody opens it: then it is drawn like the rest.
const el = (tag, text, cls) => {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  if (cls) e.className = cls;
  return e;
};

// Several cases, each below a line that begins with ▸: the first is drawn, the
// others are folded until they are opened in turn.
function unfold(pre) {
  const text = pre.textContent;
  if (!text.startsWith("▸ ")) { draw(pre); return; }
  text.slice(2).split(/\n▸ /).forEach((part, i) => {
    const end = part.indexOf("\n");
    const title = end < 0 ? part : part.slice(0, end), body = el("pre", end < 0 ? "" : part.slice(end + 1), "xt");
    if (i === 0) {
      pre.before(el("p", title, "case"), body);
      draw(body);
      return;
    }
    const d = el("details", "", "more");
    d.append(el("summary", title), body);
    pre.before(d);
  });
  pre.remove();
}

function draw(pre) {
  const rows = pre.textContent.trimEnd().split("\n").map((line) => line.split("\t"));
  const lanes = new Map();
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
  const d = e.target;
  if (d.tagName !== "DETAILS" || !d.open) return;
  for (const pre of d.querySelectorAll(".xt")) if (pre.closest("details") === d) unfold(pre);
}, true);
})();
