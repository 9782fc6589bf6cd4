/** `/admin/edge/devices/{id}`: one device, live (SD-U4). */
import { html, nothing } from 'lit';
import type { DeviceDetail, LiveEvent, PresenceEventView, RefusalView } from '#web-api';
import { icon } from '../components/icons.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { splitTags } from '../format/device-import.ts';
import { DEVICE_STATUS_LOOKS } from '../format/status.ts';
import { DEVICE_TABS, type DeviceTab, deviceTabOf, deviceTabPath, PAGES } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { DeviceActions } from './device-actions.ts';
import {
  card,
  certificatesCard,
  factsCard,
  heartbeatCard,
  metricsCard,
  refusalsCard,
  servicesCard,
  versionsCard,
} from './device-cards.ts';
import { DeviceClaimCode } from './device-claim-code.ts';
import { PRESENCE_SPANS, type PresenceSpan, presenceCard } from './device-presence.ts';

export const DEVICE_TAG = 'oc-device-page' as const;

/** The API's largest page; a device that changes more often than this in a week shows its newest changes. */
const MAX_PRESENCE_EVENTS = 500;
const MAX_REFUSALS = 10;
const TAB_LABELS: Readonly<Record<DeviceTab, string>> = {
  overview: 'Overview',
  metrics: 'Metrics',
  logs: 'Logs',
};
/** Code of a tab comes when it is first opened. */
const TAB_LOADERS: Readonly<Record<DeviceTab, () => Promise<unknown>>> = {
  overview: async () => undefined,
  metrics: () => import('./device-metrics.ts'),
  logs: () => import('./device-logs.ts'),
};
/** Beats and changes within this time are asked for together. */
const GATHER_MS = 200;

export class DevicePage extends ConsolePage {
  readonly #device = new Resource<DeviceDetail>(this, (signal) =>
    this.context.api.call('devices.get', { params: { device_id: this.#id }, signal }),
  );
  readonly #presence = new Resource<readonly PresenceEventView[]>(this, (signal) =>
    this.#fetchPresence(signal),
  );
  readonly #refusals = new Resource<readonly RefusalView[]>(this, async (signal) => {
    const query = { device_id: this.#id, page_size: MAX_REFUSALS };
    return (await this.context.api.call('refusals.list', { query, signal })).items;
  });
  readonly #actions = new DeviceActions(this, {
    context: () => this.context,
    onChanged: () => void this.#device.load(),
    onRevoked: () => void this.#device.load(),
    onDeleted: () => this.context.router.go(PAGES.devices),
    onClaimable: () => this.#claimCode.reload(),
  });
  readonly #claimCode = new DeviceClaimCode(this, {
    context: () => this.context,
    deviceId: () => this.#id,
  });
  readonly #tagging = new FormAction<true>(this);
  #span: PresenceSpan = 'day';
  #gather: ReturnType<typeof setTimeout> | undefined;
  readonly #loadedTabs = new Set<DeviceTab>(['overview']);
  #failedTab: DeviceTab | null = null;

  get #id(): string {
    return this.location.params.device_id ?? '';
  }

  protected override open() {
    const load = () => {
      void this.#device.load();
      void this.#presence.load();
      if (this.can('refusal.read', null)) void this.#refusals.load();
    };
    load();
    // On a fresh page the rights come after the first look.
    let mayRefusals = this.can('refusal.read', null);
    return [
      this.context.live.onEvent((event) => this.#take(event)),
      this.context.live.onResumed(load),
      this.context.session.subscribe(() => {
        if (!mayRefusals && this.can('refusal.read', null)) {
          mayRefusals = true;
          void this.#refusals.load();
        }
      }),
      () => clearTimeout(this.#gather),
    ];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (changed.has('location')) void this.#loadTab(deviceTabOf(this.location));
    this.#claimCode.follow(this.#device.value);
  }

  override render() {
    const device = this.#device.value;
    if (device === null) return this.#withoutDevice();
    const items = this.#actions.items(device);
    return html`
      ${this.#back()}
      ${pageHead({
        title: device.device_name,
        sub: html`<span class="title-line">${statusPill(DEVICE_STATUS_LOOKS[device.status])}
          ${device.observation_since === null ? nothing : html`<span>since ${ago(device.observation_since, this.nowMs)}</span>`}
          ${device.intent === 'active' ? nothing : html`<span>observed ${DEVICE_STATUS_LOOKS[device.observation].label.toLowerCase()}</span>`}
          <span>last seen ${ago(device.last_seen, this.nowMs, 'never')}</span></span>`,
        actions:
          items.length === 0
            ? nothing
            : html`<wa-dropdown placement="bottom-end" @wa-select=${(event: CustomEvent<{ item: { value: string } }>) => this.#actions.select(device, event)}>
                <button slot="trigger" type="button" class="button">Actions${icon('chevron-down')}</button>
                ${items}
              </wa-dropdown>`,
      })}
      ${this.#tabBar(device)}
      <div class="visually-hidden" role="status">${device.device_name}: ${DEVICE_STATUS_LOOKS[device.status].label}</div>
      ${this.#tab(device)} ${this.#actions.render()} ${this.#claimCode.render()}`;
  }

  #tabBar(device: DeviceDetail) {
    const shown = deviceTabOf(this.location);
    const mayRead = { overview: 'device.read', metrics: 'telemetry.read', logs: 'log.read' } as const;
    const tabs = DEVICE_TABS.filter((tab) => this.can(mayRead[tab], device.organization_id));
    return html`<nav class="tab-bar" aria-label="Views of this device">
      ${tabs.map((tab) => html`<a href=${deviceTabPath(device.id, tab)} aria-current=${tab === shown ? 'page' : nothing}>${TAB_LABELS[tab]}</a>`)}
      ${this.can('dead_letter.read', device.organization_id) ? html`<a class="aside" href="${PAGES['dead-letters']}?device=${device.id}">Dead letters</a>` : nothing}
    </nav>`;
  }

  #tab(device: DeviceDetail) {
    const tab = deviceTabOf(this.location);
    if (this.#failedTab === tab) {
      return html`<div class="state" role="alert"><h2>This view could not be loaded</h2><button type="button" class="button" @click=${() => void this.#loadTab(tab)}>${icon('refresh')}Try again</button></div>`;
    }
    if (!this.#loadedTabs.has(tab))
      return html`<div class="card">${skeletonRows(6, 'Loading the view')}</div>`;
    if (tab === 'metrics') {
      return html`<oc-device-metrics .context=${this.context} .location=${this.location} .device=${device}></oc-device-metrics>`;
    }
    if (tab === 'logs') {
      return html`<oc-device-logs .context=${this.context} .location=${this.location} .device=${device}></oc-device-logs>`;
    }
    return this.#overview(device);
  }

  #overview(device: DeviceDetail) {
    return html`<div class="overview">
        <div class="column">
          ${heartbeatCard(device, this.nowMs)}
          ${presenceCard({
            events: this.#presence.value,
            observation: device.observation,
            span: this.#span,
            registeredAt: device.created_at,
            nowMs: this.nowMs,
            failure:
              this.#presence.value === null && this.#presence.error !== null
                ? errorState(this.#presence.error, () => void this.#presence.load())
                : nothing,
            onSpan: (span) => {
              this.#span = span;
              void this.#presence.load({ forget: true });
            },
          })}
          ${servicesCard(device)} ${metricsCard(device, this.nowMs)}
        </div>
        <div class="column">
          ${this.#tagsCard(device)} ${this.#claimCode.card(device, this.nowMs)} ${factsCard(device, this.#organizationOf(device))} ${versionsCard(device)}
          ${certificatesCard(device, this.nowMs)} ${refusalsCard(this.#refusals.value ?? [], this.nowMs)}
        </div>
      </div>`;
  }

  async #loadTab(tab: DeviceTab) {
    if (this.#loadedTabs.has(tab)) return;
    this.#failedTab = null;
    try {
      await TAB_LOADERS[tab]();
      this.#loadedTabs.add(tab);
    } catch {
      this.#failedTab = tab;
    }
    this.requestUpdate();
  }

  #withoutDevice() {
    const error = this.#device.error;
    return html`
      ${this.#back()} ${pageHead({ title: error?.status === 404 ? 'No such device' : 'Device' })}
      <div class="card">${error === null ? skeletonRows(8, 'Loading the device') : errorState(error, () => void this.#device.load())}</div>`;
  }

  #back() {
    return html`<a class="back" href=${PAGES.devices}>${icon('arrow-left')}All devices</a>`;
  }

  #organizationOf(device: DeviceDetail): string {
    const name = this.organizations.find((organization) => organization.id === device.organization_id)?.name;
    return name === undefined ? device.organization_slug : `${name} (${device.organization_slug})`;
  }

  #tagsCard(device: DeviceDetail) {
    const mayEdit = this.can('device.write', device.organization_id);
    const save = (tags: string[]) =>
      void this.#tagging.run(async () => {
        await this.context.api.call('devices.update', { params: { device_id: device.id }, body: { tags } });
        await this.#device.load();
      });
    return card(
      'Tags',
      html`<div class="tag-editor">
        ${
          device.tags.length === 0
            ? html`<p class="quiet">No tags.</p>`
            : html`<div class="tags">${device.tags.map(
                (tag) =>
                  html`<span class="tag">${tag}${mayEdit ? html`<button type="button" aria-label="Remove tag ${tag}" @click=${() => save(device.tags.filter((kept) => kept !== tag))}>${icon('cross')}</button>` : nothing}</span>`,
              )}</div>`
        }
        ${
          mayEdit
            ? html`<form
                @submit=${(event: SubmitEvent) => {
                  event.preventDefault();
                  if (!(event.currentTarget instanceof HTMLFormElement)) return;
                  const added = splitTags(String(new FormData(event.currentTarget).get('tags') ?? ''));
                  event.currentTarget.reset();
                  if (added.length > 0) save([...new Set([...device.tags, ...added])]);
                }}
              >
                <input class="input" name="tags" aria-label="Add tags" placeholder="Add a tag, e.g. site:berlin" maxlength="200" autocomplete="off" />
                <button type="submit" class="button" aria-busy=${this.#tagging.isBusy ? 'true' : 'false'}>Add</button>
              </form>`
            : nothing
        }
        ${this.#tagging.error === null ? nothing : html`<span class="error-text" role="alert">${icon('alert')}${this.#tagging.error.fields[0]?.message ?? this.#tagging.error.message}</span>`}
      </div>`,
    );
  }

  #take(event: LiveEvent) {
    const isAboutThis =
      event.kind === 'devices.seen'
        ? event.device_ids.includes(this.#id)
        : 'device_id' in event && event.device_id === this.#id;
    if (!isAboutThis) return;
    const device = this.#device.value;
    if (event.kind === 'device.changed' && event.status !== undefined && device !== null) {
      this.#device.put({
        ...device,
        status: event.status,
        observation: event.observation ?? device.observation,
      });
      void this.#presence.load();
    }
    this.#gather ??= setTimeout(() => {
      this.#gather = undefined;
      void this.#device.load();
    }, GATHER_MS);
  }

  /** With one event from before the window, so that its beginning is known. */
  async #fetchPresence(signal: AbortSignal): Promise<readonly PresenceEventView[]> {
    const from = new Date(this.nowMs - PRESENCE_SPANS[this.#span].hours * 3_600_000).toISOString();
    const params = { device_id: this.#id };
    const [inside, before] = await Promise.all([
      this.context.api.call('devices.presence', {
        params,
        query: { from, page_size: MAX_PRESENCE_EVENTS },
        signal,
      }),
      this.context.api.call('devices.presence', { params, query: { to: from, page_size: 1 }, signal }),
    ]);
    return [...inside.items, ...before.items];
  }
}

customElements.define(DEVICE_TAG, DevicePage);
declare global {
  interface HTMLElementTagNameMap {
    [DEVICE_TAG]: DevicePage;
  }
}
