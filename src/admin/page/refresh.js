"use strict";
(() => {
  const box = document.getElementById("refresh");
  box.parentElement.hidden = false;
  const folds = () => new Map([...document.querySelectorAll("details")].map((d) => [d.dataset.key, d.open]));
  const put = (next, selector) => {
    const now = document.querySelector(selector), then = next.querySelector(selector);
    if (now && then) now.replaceWith(then);
  };
  const ask = async () => {
    if (!box.checked || document.hidden) return;
    try {
      const answer = await fetch("/", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = folds();
      for (const d of next.querySelectorAll("details")) if (open.has(d.dataset.key)) d.open = open.get(d.dataset.key);
      put(next, ".states");
      put(next, "main");
      document.title = "Umbrage";
    } catch {
      document.title = "Umbrage (no answer)";
    }
  };
  setInterval(ask, 5000);
})();
