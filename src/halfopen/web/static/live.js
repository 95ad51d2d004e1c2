// Keeps the page as the gateway is now: by server-sent events, and by asking where those don't come through.
(() => {
  "use strict";
  const ASK_MS = 5000;
  const RETRY_MS = 1000;
  const view = document.getElementById("view");
  const sign = document.getElementById("live");
  const banner = document.getElementById("broken");
  const icon = document.getElementById("icon");
  let source = null;
  let timer = 0;
  let heard = Date.now();

  // Changes the nodes that are there into what they should be, so that focus, selection and what is
  // folded out stay. Elements that have a name are moved with it; [data-keep] is left alone.
  const morph = (from, to) => {
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
    }
    if (from.hasAttribute("data-keep")) return;
    morphChildren(from, to);
  };

  const nameOf = (node) =>
    node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("aria-labelledby") || "" : "";

  const isLike = (a, b) => a.nodeName === b.nodeName && nameOf(a) === nameOf(b);

  const morphChildren = (from, to) => {
    const known = new Map();
    for (const child of from.children) if (nameOf(child)) known.set(nameOf(child), child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const same = nameOf(wanted) ? known.get(nameOf(wanted)) : null;
      if (same && same !== at) from.insertBefore(same, at);
      const found = same ?? (at && isLike(at, wanted) ? at : null);
      if (!found) {
        from.insertBefore(document.importNode(wanted, true), at);
      } else {
        if (found === at) at = at.nextSibling;
        if (found.nodeType === Node.ELEMENT_NODE) {
          // A <details> keeps how it was folded.
          if (found.nodeName === "DETAILS") wanted.toggleAttribute("open", found.open);
          morph(found, wanted);
        } else if (found.nodeValue !== wanted.nodeValue) {
          found.nodeValue = wanted.nodeValue;
        }
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const WORDS = { ok: "Served", rescuing: "Rescuing", failing: "Failing", idle: "Idle", unknown: "Unknown" };

  const show = (html, title, health) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    morphChildren(view, made.content);
    document.title = `${WORDS[health] ?? health}: ${title} · Halfopen`;
    document.documentElement.dataset.health = health;
    if (icon?.dataset[health]) icon.href = icon.dataset[health];
    document.dispatchEvent(new CustomEvent("halfopen:shown"));
  };

  const say = (state, words) => {
    if (sign.dataset.state === state) return;
    sign.dataset.state = state;
    document.getElementById("live-text").textContent = words;
  };

  const well = () => {
    heard = Date.now();
    banner.hidden = true;
    view.classList.remove("stale");
  };

  const broken = () => {
    say("broken", "not live");
    const at = new Date(heard).toISOString().slice(11, 19);
    banner.textContent =
      `Control doesn't answer: it may be starting again. Requests are served without it. ` +
      `What stands here is from ${at} UTC; it goes on by itself.`;
    banner.hidden = false;
    view.classList.add("stale");
  };

  const address = () => view.dataset.address;

  // Where events don't come through, or too many look: whole views, a little less often.
  const ask = async () => {
    let wait = ASK_MS;
    try {
      const asked = address();
      const answer = await fetch(asked, { headers: { "hx-request": "true" }, cache: "no-store" });
      if (answer.status === 401) {
        location.assign(`/login?next=${encodeURIComponent(asked)}`);
        return;
      }
      if (!answer.ok && !answer.headers.get("x-title")) throw new Error(`status ${answer.status}`);
      const html = await answer.text();
      if (asked === address()) {
        show(html, answer.headers.get("x-title"), answer.headers.get("x-health"));
        well();
        say("asking", "every 5 s");
      }
      if (source?.readyState === EventSource.CLOSED || !source) connect();
    } catch {
      broken();
      wait = RETRY_MS;
    }
    if (source?.readyState !== EventSource.OPEN) timer = setTimeout(ask, wait);
  };

  const connect = () => {
    source?.close();
    const made = new EventSource(`/events?view=${encodeURIComponent(address())}`);
    source = made;
    made.addEventListener("open", () => {
      clearTimeout(timer);
      well();
      say("live", "live");
    });
    made.addEventListener("view", (event) => {
      if (made !== source) return;
      const shown = JSON.parse(event.data);
      well();
      say("live", "live");
      show(shown.html, shown.title, shown.health);
    });
    made.addEventListener("error", () => {
      if (made !== source) return;
      if (sign.dataset.state === "live") say("wait", "connecting");
      clearTimeout(timer);
      timer = setTimeout(ask, RETRY_MS);
    });
  };

  const moved = () => {
    const now = location.pathname + location.search;
    if (now === address()) return;
    view.dataset.address = now;
    connect();
  };

  // A page that nobody sees needs no events.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
      clearTimeout(timer);
    } else {
      connect();
    }
  });
  // What the browser is leaving need not be told that its stream ends.
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  for (const name of ["htmx:after:swap", "htmx:after:history:push", "htmx:after:history:replace"]) {
    document.addEventListener(name, () => setTimeout(moved, 0));
  }
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail?.ctx?.response?.status === 401) location.reload();
  });

  const two = (large, unit, small, smallUnit) => (small ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`);
  const lasted = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min`;
    if (whole < 86400) return two(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
    return two(Math.floor(whole / 86400), "d", Math.floor((whole % 86400) / 3600), "h");
  };
  const tick = () => {
    for (const each of document.querySelectorAll("time[data-ago]")) {
      const words = lasted(Date.now() / 1000 - Number(each.dataset.ago));
      if (each.textContent !== words) each.textContent = words;
    }
  };
  setInterval(tick, 1000);
  document.addEventListener("halfopen:shown", tick);

  connect();
})();
