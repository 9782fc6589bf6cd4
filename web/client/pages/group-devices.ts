/** Which devices are in a group: found by a search in the organisation, ticked, and saved in one go. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { DeviceView, GroupView } from '#web-api';
import { formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { count } from '../format/quantity.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';

/** Shown at a time; a search finds the rest. */
const MAX_SHOWN = 50;
const SEARCH_DEBOUNCE_MS = 250;

interface Found {
  readonly devices: readonly DeviceView[];
  readonly total: number;
  /** Those of them that are in the group. */
  readonly inside: ReadonlySet<string>;
}

export class GroupDevices {
  readonly #host: LitElement;
  readonly #options: { readonly context: () => ConsoleContext; readonly onChanged: () => void };
  readonly #action: FormAction<GroupView>;
  readonly #found: Resource<Found>;
  /** device id → whether it shall be in the group, where that is a change. */
  #changes = new Map<string, boolean>();
  #text = '';
  #wait: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: LitElement,
    options: { readonly context: () => ConsoleContext; readonly onChanged: () => void },
  ) {
    this.#host = host;
    this.#options = options;
    this.#action = new FormAction(host);
    this.#found = new Resource(host, (signal) => this.#search(signal));
  }

  open(group: GroupView): void {
    this.#changes = new Map();
    this.#text = '';
    this.#action.open(group);
    void this.#found.load({ forget: true });
  }

  async #search(signal: AbortSignal): Promise<Found> {
    const group = this.#action.subject;
    if (group === null) return { devices: [], total: 0, inside: new Set() };
    const { api } = this.#options.context();
    const query = {
      org_id: group.organization_id,
      page_size: MAX_SHOWN,
      ...(this.#text === '' ? {} : { search: this.#text }),
    };
    // The same search twice, once within the group: a page of the one lies within a page of the other.
    const [all, inside] = await Promise.all([
      api.call('devices.list', { query, signal }),
      api.call('devices.list', { query: { ...query, group_id: group.id }, signal }),
    ]);
    return { devices: all.items, total: all.total, inside: new Set(inside.items.map(({ id }) => id)) };
  }

  render(): TemplateResult | typeof nothing {
    const group = this.#action.subject;
    if (group === null) return nothing;
    const { value, error } = this.#found;
    return formDialog({
      heading: `Devices of ${group.name}`,
      submitLabel: this.#changes.size === 0 ? 'Save' : `Save ${count(this.#changes.size, 'change')}`,
      isBusy: this.#action.isBusy,
      isDisabled: this.#changes.size === 0,
      onClose: () => this.#action.close(),
      onSubmit: () => void this.#action.run(() => this.#save(group)),
      body: html`${formError(this.#action.error, [])}
        <div class="search">${icon('search')}<input class="input" type="search" aria-label="Search devices of the organisation" placeholder="Search devices" maxlength="200" autofocus @input=${this.#type} /></div>
        ${error === null ? nothing : html`<p class="error-text" role="alert">${icon('alert')}${error.message}</p>`}
        <ul role="list" class="choice-list" aria-label="Devices" aria-busy=${value === null ? 'true' : 'false'}>
          ${(value?.devices ?? []).map((device) => html`<li><label class="check"><input type="checkbox" .checked=${live(this.#isChosen(device.id))} @change=${() => this.#toggle(device.id)} />${device.device_name}</label></li>`)}
          ${value?.devices.length === 0 ? html`<li class="quiet">No device matches.</li>` : nothing}
        </ul>
        ${value !== null && value.total > value.devices.length ? html`<p class="quiet">${value.devices.length} of ${count(value.total, 'device')}; search for the others.</p>` : nothing}`,
    });
  }

  #isChosen(deviceId: string): boolean {
    return this.#changes.get(deviceId) ?? this.#found.value?.inside.has(deviceId) ?? false;
  }

  #toggle(deviceId: string): void {
    const wanted = !this.#isChosen(deviceId);
    if (this.#changes.has(deviceId)) this.#changes.delete(deviceId);
    else this.#changes.set(deviceId, wanted);
    this.#host.requestUpdate();
  }

  async #save(group: GroupView): Promise<void> {
    const ids = (isIn: boolean) => [...this.#changes].flatMap(([id, wanted]) => (wanted === isIn ? id : []));
    const { api, notices } = this.#options.context();
    const { device_count } = await api.call('groups.devices', {
      params: { group_id: group.id },
      body: { add: ids(true), remove: ids(false) },
    });
    notices.say('success', `${group.name} has ${count(device_count, 'device')} now.`);
    this.#options.onChanged();
  }

  readonly #type = (event: Event): void => {
    if (!(event.currentTarget instanceof HTMLInputElement)) return;
    const text = event.currentTarget.value.trim();
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => {
      this.#text = text;
      void this.#found.load();
    }, SEARCH_DEBOUNCE_MS);
  };
}
