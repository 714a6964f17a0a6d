// What HTML can't do alone: drag a bound along its axis, judge by keys, copy a line.

const plot = document.querySelector("svg.drag");
const form = document.querySelector("#threshold");
if (plot && form) {
  const bins = plot.viewBox.baseVal.width;
  const [low, high] = [Number(plot.dataset.low), Number(plot.dataset.high)];
  const logarithmic = plot.dataset.log === "1";
  const scaled = (value) => (logarithmic ? Math.log1p(Math.max(value - low, 0)) : value);
  const valueAt = (share) => {
    const at = scaled(low) + (scaled(high) - scaled(low)) * share;
    return logarithmic ? low + Math.expm1(at) : at;
  };
  const placeOf = (value) => Math.min(1, Math.max(0, (scaled(value) - scaled(low)) / (scaled(high) - scaled(low))));
  const rule = () => form.elements.rule.value;
  const lineOf = (side) => plot.querySelector(`.bound[data-key="${CSS.escape(rule())}"][data-side="${side}"]`);
  const placed = (line) => line.transform.baseVal.consolidate().matrix.e;
  const outside = (bar) => {
    const middle = bar.x.baseVal.value + bar.width.baseVal.value / 2;
    const beyond = (line) => (line.dataset.side === "minimum" ? middle < placed(line) : middle > placed(line));
    return [...plot.querySelectorAll(".bound")].some(beyond);
  };
  const move = (line, share) => {
    line.setAttribute("transform", `translate(${share * bins} 0)`);
    for (const bar of plot.querySelectorAll("rect")) bar.classList.toggle("out", outside(bar));
  };
  const whole = Number.isInteger(low) && high - low > 50;

  for (const line of plot.querySelectorAll(".bound")) {
    line.addEventListener("pointerdown", (down) => {
      if (line.dataset.key !== rule()) {
        form.elements.rule.value = line.dataset.key;
        form.elements.rule.dispatchEvent(new Event("change", { bubbles: true }));
      }
      line.setPointerCapture(down.pointerId);
      const field = form.elements[line.dataset.side];
      const drag = (event) => {
        const box = plot.getBoundingClientRect();
        const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        move(line, share);
        const value = valueAt(share);
        field.value = whole ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
      };
      const end = () => {
        line.removeEventListener("pointermove", drag);
        decide();
      };
      line.addEventListener("pointermove", drag);
      line.addEventListener("pointerup", end, { once: true });
      line.addEventListener("pointercancel", end, { once: true });
      down.preventDefault();
    });
  }
  const decide = () => {
    if (window.htmx) form.dispatchEvent(new Event("change", { bubbles: true }));
    else form.requestSubmit();
  };
  for (const side of ["minimum", "maximum"]) {
    form.elements[side].addEventListener("input", (event) => {
      const line = lineOf(side);
      if (line && event.target.value !== "") move(line, placeOf(Number(event.target.value)));
    });
  }
  form.elements.rule.addEventListener("change", (event) => {
    // Another rule has other bounds: the page of that rule knows them.
    event.stopPropagation();
    const address = new URL(location.href);
    address.search = new URLSearchParams({ rule: rule(), source: form.elements.source.value });
    location.assign(address);
  });
}

document.querySelector("header nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`)?.click();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const line = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(line);
  }
});
