// Refreshes what is live on a page, without a reload: parts marked data-live are taken anew from the page itself.
"use strict";

(() => {
  const EVERY_MS = 15000;
  const stale = document.getElementById("stale");

  const isInUse = (part) => {
    const selection = document.getSelection();
    return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
  };

  const refresh = async () => {
    const parts = document.querySelectorAll("[data-live]");
    if (parts.length === 0 || document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const next = fresh.getElementById(part.id);
        if (next !== null && next.innerHTML !== part.innerHTML && !isInUse(part)) part.replaceWith(next);
      }
      stale.textContent = "";
    } catch {
      if (stale.textContent === "") stale.textContent = `Not refreshed since ${new Date().toLocaleTimeString()}: slad does not answer.`;
    }
  };

  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
})();
