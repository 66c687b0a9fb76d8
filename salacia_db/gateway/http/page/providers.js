/** The providers: who they are, and what can be done to them. */

import { askJson, sentence } from "./api.js";
import { announce, byId, make } from "./dom.js";
import { exactly, when } from "./format.js";
import { ProviderForm } from "./provider-form.js";

const PART = 100;

export class Providers {
  #form = new ProviderForm((provider) => this.#changed(`${provider.name} is saved`));
  #told;
  #doomed = null;

  /** @param {(providers: Record<string, any>[]) => void} told called with all, whenever they are read */
  constructor(told) {
    this.#told = told;
    byId("new-provider").addEventListener("click", () => this.#form.open(null));
    byId("providers-retry").addEventListener("click", () => this.load());
    byId("delete-cancel").addEventListener("click", () => byId("delete-dialog").close());
    byId("delete-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#delete();
    });
  }

  /** Reads all providers and shows them. */
  async load() {
    byId("providers-error").hidden = true;
    try {
      const found = await all();
      this.#told(found);
      byId("provider-rows").replaceChildren(...found.map((provider) => this.#row(provider)));
      byId("provider-table").hidden = found.length === 0;
      byId("no-providers").hidden = found.length > 0;
    } catch (error) {
      this.#fail(error);
    }
    byId("providers-loading").hidden = true;
  }

  #fail(error) {
    byId("providers-error").hidden = false;
    byId("providers-error-text").textContent = sentence(error);
  }

  #row(provider) {
    const { name, isDefault, isActive } = provider;
    const models = provider.models?.join(", ") || "–";
    const marks = [
      isDefault ? make("span", { class: "badge good" }, "Default") : null,
      isActive ? null : make("span", { class: "badge open" }, "Off"),
    ];
    const cells = [
      ["name", make("strong", {}, name), ...marks.filter((mark) => mark !== null)],
      ["type", provider.type],
      ["address", provider.baseUrl ?? "–"],
      ["opened-by", openedBy(provider)],
      ["models", make("span", { title: models }, models)],
      ["updated", make("time", { title: exactly(provider.updatedAt) }, when(provider.updatedAt))],
      ["actions", ...this.#actions(provider)],
    ];
    const labels = ["Name", "Type", "Address", "Opened by", "Models", "Changed", ""];
    const made = cells.map(([kind, ...children], n) =>
      make("td", { role: "cell", class: kind, "data-label": labels[n] }, ...children),
    );
    return make("tr", { role: "row", "data-id": provider.id }, ...made);
  }

  #actions(provider) {
    const button = (text, act) => {
      const label = `${text} ${provider.name}`;
      const made = make("button", { type: "button", class: "small", "aria-label": label }, text);
      made.addEventListener("click", act);
      return made;
    };
    const edit = button("Edit", () => this.#form.open(provider));
    const remove = button("Delete", () => this.#confirm(provider));
    if (provider.isDefault) return [edit, remove];
    return [edit, button("Make default", () => this.#makeDefault(provider)), remove];
  }

  async #makeDefault({ id, name }) {
    try {
      await askJson(`api/providers/${id}/default`, { method: "POST" });
      await this.#changed(`${name} is the default provider`);
      document.querySelector(`[data-id="${id}"] button`).focus();
    } catch (error) {
      this.#fail(error);
    }
  }

  #confirm(provider) {
    this.#doomed = provider;
    byId("delete-name").textContent = provider.name;
    byId("delete-error").hidden = true;
    byId("delete-dialog").showModal();
  }

  async #delete() {
    const { id, name } = this.#doomed;
    try {
      await askJson(`api/providers/${id}`, { method: "DELETE" });
    } catch (error) {
      byId("delete-error").hidden = false;
      byId("delete-error").textContent = sentence(error);
      return;
    }
    byId("delete-dialog").close();
    await this.#changed(`${name} is deleted`);
    byId("new-provider").focus();
  }

  async #changed(told) {
    await this.load();
    announce(told);
  }
}

async function all() {
  const found = [];
  for (;;) {
    const part = await askJson(`api/providers?limit=${PART}&offset=${found.length}`);
    found.push(...part.items);
    if (part.items.length < PART) return found;
  }
}

function openedBy({ authType, hasApiKey, hasOauthAccessToken }) {
  if (authType === "oauth") return hasOauthAccessToken ? "OAuth" : "OAuth, no token";
  return hasApiKey ? "API key" : "no key";
}
