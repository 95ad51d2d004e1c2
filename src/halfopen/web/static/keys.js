// Keyboard shortcuts. They are listed under `?`; none works while something is typed.
(() => {
  "use strict";
  const WAIT_MS = 1200;
  const dialog = document.getElementById("keys");
  let going = 0;

  const types = (element) =>
    element instanceof HTMLElement && (element.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(element.nodeName));

  const rows = () => [...document.querySelectorAll("table.rows tbody th a")];

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    all[Math.min(Math.max(at + by, 0), all.length - 1)].focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || types(event.target)) return;
    if (dialog.open) return;
    if (Date.now() - going < WAIT_MS) {
      going = 0;
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    switch (event.key) {
      case "g":
        going = Date.now();
        break;
      case "?":
        dialog.showModal();
        break;
      case "t":
        document.dispatchEvent(new CustomEvent("halfopen:next-theme"));
        break;
      case "j":
        step(1);
        break;
      case "k":
        step(-1);
        break;
      case "/": {
        const first = document.querySelector("#filters select");
        if (!first) return;
        first.focus();
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  });
  document.getElementById("help").addEventListener("click", () => dialog.showModal());
})();
