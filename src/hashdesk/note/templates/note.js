(() => {
  "use strict";
  const root = document.documentElement;

  // Theme: the system's until the reader chooses.
  const themeButton = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const nameTheme = () => {
    themeButton.textContent = isDark() ? "Light" : "Dark";
    themeButton.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
  };
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("hashdesk-theme", root.dataset.theme); } catch { /* the choice lasts for this visit */ }
    nameTheme();
  });
  system.addEventListener("change", nameTheme);
  nameTheme();

  // Charts: drawn again at the reader's width, when they come near the window.
  const { configs, charts } = JSON.parse(document.getElementById("specs").textContent);
  // The drawing code is packed; a browser that cannot unpack it keeps the static drawings.
  const unpack = async () => {
    const bytes = Uint8Array.from(atob(document.getElementById("runtime").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    (0, eval)(await new Response(stream).text());
  };
  let unpacked;
  const tip = document.getElementById("tip");
  const showTip = (_, event, __, value) => {
    if (!value || typeof value !== "object") { tip.hidden = true; return; }
    tip.replaceChildren(...Object.entries(value).filter(([, text]) => text !== "null" && text !== "").map(([label, text]) => {
      const line = document.createElement("div"), name = document.createElement("span"), bold = document.createElement("b");
      name.textContent = label;
      bold.textContent = text;
      line.append(name, bold);
      return line;
    }));
    tip.hidden = false;
    const point = event.touches ? event.touches[0] : event, box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(point.clientX + 14, innerWidth - box.width - 4))}px`;
    tip.style.top = `${point.clientY + 16 + box.height > innerHeight ? point.clientY - box.height - 10 : point.clientY + 16}px`;
  };
  const draw = async (holder) => {
    const live = document.createElement("div");
    live.className = "live";
    live.setAttribute("aria-hidden", "true");
    try {
      await (unpacked ??= unpack());
      // The figure keeps its height while it is drawn: nothing below it jumps under the pointer.
      holder.style.minHeight = `${holder.offsetHeight}px`;
      holder.append(live);
      holder.classList.add("is-live");
      const spec = charts[holder.dataset.chart];
      await vegaEmbed(live, { ...spec, config: configs[spec.config] }, {
        mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip: showTip,
      });
      holder.dataset.state = "live";
    } catch (error) {
      // The static drawing says the same.
      holder.classList.remove("is-live");
      live.remove();
      console.error(`chart ${holder.dataset.chart}`, error);
    } finally {
      holder.style.minHeight = "";
    }
  };
  const holders = document.querySelectorAll("[data-chart]");
  if ("IntersectionObserver" in window) {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((item) => item.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "800px" });
    holders.forEach((holder) => watcher.observe(holder));
  } else {
    holders.forEach(draw);
  }
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // Tables: sorted inside their groups, unknown values last.
  const raw = (cell) => (cell.dataset.v !== undefined ? cell.dataset.v : cell.classList.contains("na") ? "" : cell.textContent.trim());
  const sortBy = (table, place, isNumber, sign) => {
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.sort((a, b) => {
        const x = raw(a.cells[place]), y = raw(b.cells[place]);
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (isNumber ? x - y : x.localeCompare(y, "en"));
      });
      body.append(...rows);
    }
  };
  // A text that a spreadsheet would run as a formula is kept as text.
  const field = (text, isNumber) => {
    const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const csv = (table) => {
    const heads = [...table.tHead.rows[0].cells].map((cell) => {
      const unit = cell.querySelector(".unit");
      return field(cell.querySelector(".label").textContent + (unit ? `, ${unit.textContent}` : ""), false);
    });
    const isGrouped = table.querySelector("tr.group") !== null;
    const lines = [(isGrouped ? ["Group", ...heads] : heads).join(",")];
    for (const body of table.tBodies) {
      const title = body.querySelector("tr.group")?.textContent ?? "";
      for (const row of body.rows) {
        if (row.classList.contains("group")) continue;
        const cells = [...row.cells].map((cell) => field(raw(cell), cell.classList.contains("num")));
        lines.push((isGrouped ? [field(title, false), ...cells] : cells).join(","));
      }
    }
    return `\ufeff${lines.join("\r\n")}\r\n`;
  };
  for (const table of document.querySelectorAll("table[data-name]")) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      const isNumber = head.classList.contains("num");
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = now === "descending" || (now === null && !isNumber) ? "ascending" : "descending";
        table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        sortBy(table, place, isNumber, next === "ascending" ? 1 : -1);
      });
    });
    const download = document.createElement("button");
    download.type = "button";
    download.className = "csv";
    download.textContent = "CSV";
    download.setAttribute("aria-label", `Download as CSV: ${table.caption.textContent}`);
    download.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
      link.download = `hashdesk-${document.title.replace(/[^0-9A-Za-z]+/g, "-").toLowerCase()}-${table.dataset.name}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    table.closest(".table-block").prepend(download);
  }

  // Paper has no closed parts, except the data behind the charts, which it leaves out.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const box of document.querySelectorAll("details.page:not([open])")) { box.open = true; opened.push(box); }
  });
  addEventListener("afterprint", () => { for (const box of opened.splice(0)) box.open = false; });

  // A link into a closed table or page opens it.
  const reveal = (hash) => {
    const target = hash.length > 1 ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
    const box = target?.closest("details");
    if (box && !box.open) { box.open = true; requestAnimationFrame(() => target.scrollIntoView()); }
  };
  addEventListener("hashchange", () => reveal(location.hash));
  // The same link a second time changes no address.
  addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link) reveal(link.hash);
  });
  reveal(location.hash);
})();
