// Every page works without this file. It only smooths what htmx and the browser do.
const $ = (query) => document.querySelector(query);
const all = (query) => document.querySelectorAll(query);

// The server's HTML is the truth: after a morph, ticked and selected state follow the markup.
document.addEventListener("htmx:after:swap", () => {
  all("#filters input[type=checkbox], .pick").forEach((box) => { box.checked = box.defaultChecked; });
  all("#search option, #bookings option").forEach((option) => { option.selected = option.defaultSelected; });
  const search = $("#search"), words = $("#q");
  if (search && words && (words !== document.activeElement || "asked" in search.dataset)) words.value = search.dataset.q ?? "";
  if (SHEETS.some((id) => document.getElementById(id)?.matches(":popover-open"))) cover(true);
});

// The focus is never lost in a swap. Who turned a page begins at its top, and a new error summary
// is read first; else the focus stays where it is. When the swap took that away, its twin in the
// new content gets it, or the heading of what is left around it, or that part itself.
const PARTS = "[id], form, section, nav, main";
const STOPS = "a[href], button, input, select, textarea, summary, iframe, [tabindex]";
let before = { held: [], turned: false, errors: null };
const shown = (el) => Boolean(el?.isConnected && !el.disabled && el.checkVisibility({ visibilityProperty: true }));
const again = (el) => [el, el.id && document.getElementById(el.id)].find(shown);
const twin = (was, part) => was.name && [...part.querySelectorAll(was.localName)].find((el) =>
  shown(el) && ["name", "type", "value"].every((key) => el.getAttribute(key) === was.getAttribute(key)));
const lend = (el) => {
  if (!el.matches(STOPS)) Object.assign(el, { tabIndex: -1 }).dataset.lent = "";
  el.focus({ preventScroll: true });
  const { top, bottom } = el.getBoundingClientRect();
  if (bottom < 0 || top > innerHeight) el.scrollIntoView({ block: "nearest" });
};
const keep = ([was, ...around]) => {
  const now = document.activeElement;
  if (!was || (shown(now) && now.matches(STOPS))) return;
  const part = around.filter((el) => el.matches(PARTS)).map(again).find(Boolean) ?? $("main");
  lend(again(was) || twin(was, part) || [...part.querySelectorAll("h1, h2, h3")].find(shown) || part);
};
document.addEventListener("htmx:before:swap", (event) => {
  const held = [];
  for (let el = document.activeElement; el && el !== document.body; el = el.parentElement) held.push(el);
  const turned = Boolean(event.detail?.ctx?.sourceElement?.closest?.(".pager, .zero, .map"));
  before = { held, turned, errors: $(".errs") };
});
document.addEventListener("htmx:after:swap", (event) => {
  const errors = $(".errs");
  if (errors && errors !== before.errors) errors.focus();
  else if (before.turned) lend($("#results") ?? event.detail.ctx.target);
  else keep(before.held);
});

// The theme's form comes back to the address shown now, which the filters may have changed.
document.addEventListener("submit", (event) => {
  const next = event.target.matches(".theme") && event.target.elements.next;
  if (next) next.value = location.pathname + location.search;
}, true);

// Sheets (filters, navigation): while one covers the page the rest is inert; a wider window closes it.
// The focus goes in with it, and back to its opener, which must not be inert any more by then.
const SHEETS = ["filter-sheet", "nav-sheet"];
const close = (sheet) => { if (sheet?.matches(":popover-open")) sheet.hidePopover(); };
const cover = (open) => {
  all(".top, .mbar, .tabs, .tools, .results, .foot, .skip, .page").forEach((part) => { part.inert = open; });
  document.documentElement.classList.toggle("is-locked", open);
};
document.addEventListener("beforetoggle", (event) => {
  if (SHEETS.includes(event.target.id) && event.newState === "closed") cover(false);
}, true);
document.addEventListener("toggle", (event) => {
  if (!SHEETS.includes(event.target.id) || event.newState !== "open") return;
  event.target.querySelector("[popovertargetaction=hide]")?.focus();
  cover(true);
}, true);
matchMedia("(width >= 60rem)").addEventListener("change", (media) => {
  if (media.matches) SHEETS.forEach((id) => close(document.getElementById(id)));
});
document.addEventListener("click", (event) => {
  // "Show n rotations" closes the sheet instead of asking the server again.
  if (event.target.closest("#show-n") && $("#filter-sheet")?.matches(":popover-open")) {
    event.preventDefault();
    close($("#filter-sheet"));
  }
});

// "Select all" exists only where this file runs; without it each row has its own box.
document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") all(".picks .pick").forEach((box) => { box.checked = event.target.checked; });
});

// Menus close on Escape and on a click elsewhere.
const menus = () => all("details.switch[open], details.menu[open], details.top__menu[open]");
document.addEventListener("click", (event) => menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") menus().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
});

// The clock of a held seat: the server writes the minutes, this keeps them current and speaks at 5, 1 and 0.
const clock = $("[data-left]");
if (clock) {
  const end = Date.now() + Number(clock.dataset.left) * 1000;
  let last = null;
  setInterval(() => {
    const minutes = Math.max(0, Math.ceil((end - Date.now()) / 60000));
    if (minutes === last) return;
    last = minutes;
    clock.textContent = minutes ? `${minutes} min left` : "time is up";
    if (![0, 1, 5].includes(minutes)) return;
    $("#clock-say").textContent = minutes ? `Your seat is held for ${minutes} more minutes.` : "The hold has ended. Your answers are saved.";
  }, 1000);
}

// An error summary takes the focus. A failed network is said in words; every form still submits normally.
$(".errs")?.focus();
document.addEventListener("htmx:error", () => {
  const place = $("#save-state") ?? $("#count") ?? $("#live");
  if (place) place.textContent = "No connection. Nothing is lost: your text stays here. Try again.";
});

// The editor: what was typed and not saved yet goes along when another section is chosen.
const written = () => $("#edit-form");
document.addEventListener("input", (event) => {
  if (written()?.contains(event.target)) written().dataset.dirty = "1";
});
document.addEventListener("htmx:after:request", (event) => {
  if (written() && (event.detail?.ctx?.response?.status ?? 200) < 400) delete written().dataset.dirty;
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-leave]"), form = written();
  if (!link || !form || !form.dataset.dirty) return;
  event.preventDefault();
  const to = document.createElement("input");
  Object.assign(to, { type: "hidden", name: "to", value: link.dataset.leave });
  form.append(to);
  form.submit();
});
