/** The dashboard: what the address says is what is shown. */

import { askJson, hasToken, onLocked, sentence, setToken } from "./api.js";
import { Detail } from "./detail.js";
import { byId } from "./dom.js";
import { FilterForm, queryOf } from "./filter.js";
import { MessageList } from "./list.js";
import { Providers } from "./providers.js";
import { Statistics } from "./statistics.js";
import { Stream } from "./stream.js";

const VIEWS = { messages: "Messages", providers: "Providers" };

const filters = new FilterForm((query) => go(query));
const list = new MessageList(go);
const detail = new Detail(leaveMessage);
const statistics = new Statistics();
const providers = new Providers((found) => filters.offerProviders(found));
let cameFromList = false;

/** Goes to an address within the page. */
function go(address, { replace = false } = {}) {
  const query = address.toString();
  const search = query && `?${query}`;
  const target = location.pathname + search;
  if (replace) history.replaceState(null, "", target);
  else if (search !== location.search) history.pushState(null, "", target);
  render();
}

function render() {
  const address = new URLSearchParams(location.search);
  const view = address.get("view") === "providers" ? "providers" : "messages";
  if (view === "providers" && byId("providers").hidden) providers.load();
  for (const name of Object.keys(VIEWS)) {
    byId(name).hidden = name !== view;
    byId(`to-${name}`).setAttribute("aria-current", name === view ? "page" : "false");
  }
  document.title = `${VIEWS[view]} · Salacia`;
  if (view === "messages") {
    const query = queryOf(address);
    byId("to-messages").href = `?${query}`;
    filters.show(query);
    if (isReady) list.show(query);
  }
  detail.show(address.get("message"));
}

function leaveMessage() {
  const address = new URLSearchParams(location.search);
  if (!address.has("message")) return;
  if (cameFromList) history.back();
  else {
    address.delete("message");
    go(address, { replace: true });
  }
  cameFromList = false;
}

function followLinks(event) {
  const link = event.target.closest?.('a[href^="?"]');
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey);
  if (!link || !isPlain) return;
  event.preventDefault();
  const address = new URLSearchParams(link.getAttribute("href"));
  cameFromList = address.has("message");
  go(address);
}

// --- what happens meanwhile ----------------------------------------------------------------------

// The list is read when its stream is open, so that nothing falls in between.
let isReady = false;

function ready() {
  isReady = true;
  render();
}

function tell(state) {
  byId("connection").dataset.state = state;
  byId("connection-text").textContent = { live: "Live", down: "Reconnecting …" }[state];
}

const messages = new Stream("api/events/messages", {
  event: (name, message) => {
    list.take(name, message);
    if (name === "message:updated") detail.refresh(message.id);
  },
  open: (resumed) => {
    tell("live");
    if (isReady && (!resumed || list.hasFailed)) list.load();
    ready();
  },
  down: () => {
    tell("down");
    ready();
  },
});
const figures = new Stream("api/events/statistics", {
  event: (_, data) => {
    statistics.show(data);
    filters.suggestModels(data.topModels.map(({ model }) => model));
  },
});

// --- the token -----------------------------------------------------------------------------------

onLocked(() => {
  byId("unlocked").hidden = true;
  byId("locked").hidden = false;
  byId("token").focus();
});

byId("locked").addEventListener("submit", async (event) => {
  event.preventDefault();
  setToken(byId("token").value.trim());
  try {
    await askJson("api/providers?limit=1");
  } catch (error) {
    setToken(null);
    byId("token-error").textContent =
      error.status === 401 ? "That isn’t the token." : sentence(error);
    return;
  }
  location.reload();
});

byId("forget").hidden = !hasToken();
byId("forget").addEventListener("click", () => {
  setToken(null);
  location.reload();
});

// --- beginning -----------------------------------------------------------------------------------

window.addEventListener("popstate", render);
document.addEventListener("click", followLinks);
render();
// The filters offer them.
if (byId("providers").hidden) providers.load();
if (document.hidden) ready();
messages.start();
figures.start();
