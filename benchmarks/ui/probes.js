// Runs in each page before its own scripts: what a budget needs to know from inside.
(() => {
  const tasks = [];
  try {
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) tasks.push([one.startTime, one.duration]);
    }).observe({ type: "longtask", buffered: true });
  } catch {
    // A browser without long tasks reports none: the runner refuses to call that a figure.
  }
  let since = 0;
  const measures = (name, from) =>
    performance
      .getEntriesByName(name, "measure")
      .filter((one) => one.startTime >= from)
      .map((one) => ({ start: one.startTime, end: one.startTime + one.duration, detail: one.detail }));

  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

  let seenAt = 0;

  window.bench = {
    /** When the element of `watch` was there first, in ms since 1970; 0 while it isn't. */
    seenAt: () => seenAt,

    /** Look out for the first element that a selector names. */
    watch(selector) {
      const observer = new MutationObserver(() => {
        if (!document.querySelector(selector)) return;
        seenAt = performance.timeOrigin + performance.now();
        observer.disconnect();
      });
      observer.observe(document, { childList: true, subtree: true, attributes: true });
    },

    supports: () => PerformanceObserver.supportedEntryTypes.includes("longtask"),
    tasks: () => tasks,
    measures,
    since: () => since,

    /** Remember when the next event of a kind comes. */
    arm(kind) {
      since = 0;
      const note = () => {
        since = performance.now();
      };
      window.addEventListener(kind, note, { capture: true, once: true });
    },

    /** Milliseconds from the armed event until `read()` is neither null nor `before`, painted. */
    async until(read, before, limit) {
      const start = performance.now();
      for (;;) {
        await frame();
        const now = read();
        if (since && now !== null && now !== before) break;
        if (performance.now() - start > limit) return null;
      }
      await frame();
      return performance.now() - since;
    },

    /** The nearest box around an element that scrolls. */
    scrollerOf(element) {
      for (let at = element; at; at = at.parentElement) {
        const { overflowY } = getComputedStyle(at);
        if (/auto|scroll/.test(overflowY) && at.scrollHeight > at.clientHeight + 1) return at;
      }
      return document.scrollingElement;
    },

    /** Milliseconds between frames while a box scrolls by `pixels` with each. */
    async scroll(box, frames, pixels) {
      const deltas = [];
      let last = await frame();
      for (let i = 0; i < frames; i++) {
        box.scrollTop += pixels;
        const now = await frame();
        deltas.push(now - last);
        last = now;
      }
      return deltas;
    },

    /** Note the time between frames from now on; the answer ends it and tells. */
    watchFrames() {
      const deltas = [];
      let last = performance.now();
      let on = true;
      const next = (now) => {
        if (!on) return;
        deltas.push(now - last);
        last = now;
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
      window.benchFrames = () => {
        on = false;
        return deltas;
      };
    },
  };
})();
