/** Setting up a provider, or changing what is given of one. */

import { askJson, sentence } from "./api.js";
import { byId } from "./dom.js";
import { localTime, moment } from "./format.js";
import { pretty } from "./json.js";

/** Secrets can be set and never read: what says whether there is one. */
const SECRETS = {
  apiKey: "hasApiKey",
  oauthAccessToken: "hasOauthAccessToken",
  oauthRefreshToken: "hasOauthRefreshToken",
};

/** How fields that aren't plain texts are shown, and read where they aren't empty. */
const KINDS = {
  models: { show: (models) => models.join("\n"), read: lines },
  settings: { show: pretty, read: object },
  oauthTokenExpiresAt: { show: localTime, read: moment },
};
const PLAIN = { show: String, read: String };

export class ProviderForm {
  #dialog = byId("provider-dialog");
  #form = byId("provider-form");
  #fields = [...this.#form.elements].filter((field) => field.name);
  #removals = [...this.#form.querySelectorAll("[data-removes]")];
  #provider = null;
  #shown = new Map();
  #saved;

  /** @param {(provider: Record<string, any>) => void} saved */
  constructor(saved) {
    this.#saved = saved;
    byId("provider-cancel").addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("change", () => this.#arrange());
    this.#form.addEventListener("input", (event) => event.target.removeAttribute("aria-invalid"));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  /** Opens it for a provider, or for a new one. @param {Record<string, any> | null} provider */
  open(provider) {
    this.#provider = provider;
    this.#form.reset();
    this.#complain(null);
    byId("provider-title").textContent = provider === null ? "New provider" : provider.name;
    byId("default-choice").hidden = provider !== null;
    for (const field of this.#fields) {
      if (provider !== null && field.name in provider) show(field, provider[field.name]);
      if (field.name in SECRETS) {
        field.placeholder = this.#has(field.name) ? "Set. Leave it empty to keep it." : "";
      }
      this.#shown.set(field, valueOf(field));
    }
    this.#removals.forEach((choice) => {
      choice.closest("label").hidden = !this.#has(choice.dataset.removes);
    });
    this.#arrange();
    this.#dialog.showModal();
    this.#form.elements.name.focus();
  }

  #has(secret) {
    return this.#provider !== null && this.#provider[SECRETS[secret]];
  }

  #arrange() {
    const isOauth = this.#form.elements.authType.value === "oauth";
    byId("oauth").hidden = !isOauth;
    byId("api-key").hidden = isOauth;
  }

  async #save() {
    this.#complain(null);
    const isNew = this.#provider === null;
    const path = isNew ? "api/providers" : `api/providers/${this.#provider.id}`;
    byId("provider-save").disabled = true;
    try {
      const body = this.#body(isNew);
      const saved = await askJson(path, { method: isNew ? "POST" : "PATCH", body });
      this.#dialog.close();
      this.#saved(saved);
    } catch (error) {
      this.#complain(error);
    } finally {
      byId("provider-save").disabled = false;
    }
  }

  /** All of a new provider that isn't empty, or what has changed of one. */
  #body(isNew) {
    const body = {};
    for (const field of this.#fields) {
      const value = valueOf(field);
      if (isNew ? value === "" : value === this.#shown.get(field)) continue;
      body[field.name] = value === "" ? null : read(field, value);
    }
    for (const { checked, dataset } of this.#removals) {
      if (checked) body[dataset.removes] = null;
    }
    return body;
  }

  /** Says what is wrong, at its field where that is known. */
  #complain(error) {
    const told = byId("provider-error");
    told.hidden = error === null;
    told.textContent = error === null ? "" : sentence(error);
    for (const field of this.#fields) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    const field = error && this.#fields.find(({ name }) => namesOf(error).includes(name));
    if (!field) return;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "provider-error");
    field.focus();
  }
}

function show(field, value) {
  if (field.type === "checkbox") field.checked = value;
  else field.value = value === null ? "" : (KINDS[field.name] ?? PLAIN).show(value);
}

function valueOf(field) {
  return field.type === "checkbox" ? field.checked : field.value.trim();
}

function read(field, value) {
  return field.type === "checkbox" ? value : (KINDS[field.name] ?? PLAIN).read(value);
}

/** The fields that an answer may be about: "`apiKey` has to be …", "… - at `$.models[0]`". */
function namesOf(error) {
  if (error.status === 409) return ["name"];
  return [...error.message.matchAll(/`(?:\$\.)?(\w+)/g)].map(([, name]) => name);
}

function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function object(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("`settings` has to be a JSON object");
  }
}
