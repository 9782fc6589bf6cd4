/** Finds another device by a search in its organisation. */
import type { ReactiveController, ReactiveControllerHost, TemplateResult } from 'lit';
import { html, nothing } from 'lit';
import type { DeviceView } from '#web-api';
import { icon } from '../components/icons.ts';
import { statusPill } from '../components/status-pill.ts';
import { DEVICE_STATUS_LOOKS } from '../format/status.ts';
import type { ConsoleContext } from '../state/context.ts';
import { Resource } from '../state/resource.ts';

/** More would not be read; further letters find the rest. */
const MAX_FOUND = 8;
const SEARCH_DEBOUNCE_MS = 250;

export interface DevicePickerOptions {
  readonly context: () => ConsoleContext;
  readonly organizationId: () => string;
  /** Not offered: the device that is looked at. */
  readonly exceptId: () => string;
  readonly onPick: (device: DeviceView) => void;
}

export class DevicePicker implements ReactiveController {
  isOpen = false;
  #text = '';
  #wait: ReturnType<typeof setTimeout> | undefined;
  readonly #found: Resource<readonly DeviceView[]>;
  readonly #options: DevicePickerOptions;
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost, options: DevicePickerOptions) {
    this.#host = host;
    this.#options = options;
    this.#found = new Resource(host, async (signal) => {
      const query = {
        org_id: options.organizationId(),
        page_size: MAX_FOUND + 1,
        ...(this.#text === '' ? {} : { search: this.#text }),
      };
      const { items } = await options.context().api.call('devices.list', { query, signal });
      return items.filter((device) => device.id !== options.exceptId()).slice(0, MAX_FOUND);
    });
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#wait);
  }

  toggle(): void {
    this.isOpen = !this.isOpen;
    this.#text = '';
    if (this.isOpen) void this.#found.load({ forget: true });
    this.#host.requestUpdate();
  }

  render(): TemplateResult | typeof nothing {
    if (!this.isOpen) return nothing;
    const { value, error } = this.#found;
    return html`<div class="picker" role="group" aria-label="Compare with" @keydown=${(
      event: KeyboardEvent,
    ) => {
      if (event.key === 'Escape') this.toggle();
    }}>
      <div class="search">${icon('search')}<input class="input" type="search" aria-label="Search a device to compare with" placeholder="Search a device" maxlength="200" autofocus @input=${this.#search} /></div>
      ${error === null ? nothing : html`<p class="error-text" role="alert">${icon('alert')}${error.message}</p>`}
      <ul role="list" aria-label="Devices found" aria-busy=${value === null ? 'true' : 'false'}>
        ${(value ?? []).map(
          (device) =>
            html`<li><button type="button" class="picker-option" @click=${() => {
              this.isOpen = false;
              this.#options.onPick(device);
            }}><span>${device.device_name}</span>${statusPill(DEVICE_STATUS_LOOKS[device.status])}</button></li>`,
        )}
        ${value?.length === 0 ? html`<li class="quiet">No other device matches.</li>` : nothing}
      </ul>
    </div>`;
  }

  #search = (event: Event): void => {
    if (!(event.currentTarget instanceof HTMLInputElement)) return;
    const text = event.currentTarget.value.trim();
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => {
      this.#text = text;
      void this.#found.load();
    }, SEARCH_DEBOUNCE_MS);
  };
}
