// Light, dark, or as the system has it. Loaded before anything is drawn, so that nothing flashes.
(() => {
  "use strict";
  const NAMES = ["auto", "light", "dark"];
  const SIGNS = { auto: "◐", light: "○", dark: "●" };
  const root = document.documentElement;

  const kept = () => {
    try {
      const name = localStorage.getItem("halfopen-theme");
      return NAMES.includes(name) ? name : "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  };

  const show = (name) => {
    root.dataset.theme = name;
    const button = document.getElementById("theme");
    if (!button) return;
    const words = { auto: "as the system has it", light: "light", dark: "dark" }[name];
    button.setAttribute("aria-label", `Light or dark: ${words}`);
    document.getElementById("theme-sign").textContent = SIGNS[name];
    document.getElementById("theme-text").textContent = { auto: "Auto", light: "Light", dark: "Dark" }[name];
    document.dispatchEvent(new CustomEvent("halfopen:theme"));
  };

  const next = () => {
    const name = NAMES[(NAMES.indexOf(root.dataset.theme) + 1) % NAMES.length];
    try {
      localStorage.setItem("halfopen-theme", name);
    } catch {
      // It lasts as long as the page then.
    }
    show(name);
  };

  show(kept());
  document.addEventListener("DOMContentLoaded", () => {
    show(kept());
    document.getElementById("theme")?.addEventListener("click", next);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(root.dataset.theme));
  document.addEventListener("halfopen:next-theme", next);
})();
