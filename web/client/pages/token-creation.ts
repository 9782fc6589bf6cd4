/** Creating a token: the form, then the installer line and the wait for the first heartbeat. */
import { html, type LitElement, nothing, type ReactiveController, type TemplateResult } from 'lit';
import { type CreateTokenReply, DEVICE_TYPES, type LiveEvent } from '#web-api';
import '../components/copy-field.ts';
import {
  closeDialog,
  describedBy,
  dialog,
  field,
  fieldError,
  formDialog,
  formError,
  textOf,
} from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { statusPill } from '../components/status-pill.ts';
import { ApiError } from '../data/api-error.ts';
import { splitTags } from '../format/device-import.ts';
import { customExpirySeconds, EXPIRY_PRESETS } from '../format/expiry.ts';
import { DEVICE_STATUS_LOOKS, DEVICE_TYPE_LABELS } from '../format/status.ts';
import { type Arrival, arrive } from '../state/arrivals.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { organizationsAllowing } from '../state/session.ts';
import { devicePath } from './device-table.ts';

const DEFAULT_EXPIRY_SECONDS = 3600;
const FIELDS = [
  'organization_id',
  'name',
  'device_type',
  'max_uses',
  'expires_in_seconds',
  'tags',
  'replaces_device_id',
];

export class TokenCreation implements ReactiveController {
  readonly #host: LitElement;
  readonly #context: () => ConsoleContext;
  readonly #onChanged: () => void;
  readonly #form: FormAction<true>;
  #expiry: number | 'custom' = DEFAULT_EXPIRY_SECONDS;
  #expiryProblem: string | null = null;
  #created: CreateTokenReply | null = null;
  #arrivals: readonly Arrival[] = [];
  #releases: (() => void)[] = [];

  constructor(host: LitElement, options: { context: () => ConsoleContext; onChanged: () => void }) {
    this.#host = host;
    this.#context = options.context;
    this.#onChanged = options.onChanged;
    this.#form = new FormAction(host);
    host.addController(this);
  }

  hostConnected(): void {
    const { live } = this.#context();
    this.#releases = [
      live.onEvent((event) => void this.#take(event)),
      live.onResumed(() => void this.#catchUp()),
    ];
  }
  hostDisconnected(): void {
    for (const release of this.#releases) release();
    this.#created = null;
  }

  open(): void {
    this.#expiry = DEFAULT_EXPIRY_SECONDS;
    this.#expiryProblem = null;
    this.#form.open(true);
  }

  render(): TemplateResult | typeof nothing {
    if (this.#created !== null) return this.#renderCreated(this.#created);
    return this.#form.subject === null ? nothing : this.#renderForm();
  }

  #renderForm(): TemplateResult {
    const context = this.#context();
    const { error, isBusy } = this.#form;
    const organizations = organizationsAllowing(context.session.get(), 'token.write');
    const chosen = context.organization.get();
    return formDialog({
      heading: 'Create an enrolment token',
      submitLabel: 'Create token',
      isBusy,
      isWide: true,
      onClose: () => this.#form.close(),
      onSubmit: (form) => void this.#submit(form),
      body: html`
        ${formError(error, FIELDS)}
        <div class="field-row">
          ${field({
            id: 'token-organization',
            label: 'Organisation',
            error: fieldError(error, 'organization_id'),
            control: html`<select class="select" id="token-organization" name="organization_id" aria-describedby=${describedBy('token-organization')}>
              ${organizations.map(({ id, name }) => html`<option value=${id} ?selected=${id === chosen}>${name}</option>`)}
            </select>`,
          })}
          ${field({
            id: 'token-name',
            label: 'Name',
            isOptional: true,
            hint: 'For your own list, e.g. the site.',
            error: fieldError(error, 'name'),
            control: html`<input class="input" id="token-name" name="name" maxlength="100" autofocus aria-describedby=${describedBy('token-name')} />`,
          })}
        </div>
        <div class="field-row">
          ${field({
            id: 'token-type',
            label: 'Device type',
            error: fieldError(error, 'device_type'),
            control: html`<select class="select" id="token-type" name="device_type" aria-describedby=${describedBy('token-type')}>
              <option value="">As the device says</option>
              ${DEVICE_TYPES.map((type) => html`<option value=${type}>${DEVICE_TYPE_LABELS[type]}</option>`)}
            </select>`,
          })}
          ${field({
            id: 'token-uses',
            label: 'Uses',
            hint: 'How many devices may enrol with it.',
            error: fieldError(error, 'max_uses'),
            control: html`<input class="input" id="token-uses" name="max_uses" type="number" min="1" max="10000" value="1" required aria-describedby=${describedBy('token-uses')} />`,
          })}
        </div>
        <div class="field-row">
          ${field({
            id: 'token-expiry',
            label: 'Valid for',
            error: fieldError(error, 'expires_in_seconds'),
            control: html`<select class="select" id="token-expiry" @change=${this.#chooseExpiry} aria-describedby=${describedBy('token-expiry')}>
              ${EXPIRY_PRESETS.map(({ seconds, label }) => html`<option value=${seconds} ?selected=${this.#expiry === seconds}>${label}</option>`)}
              <option value="custom" ?selected=${this.#expiry === 'custom'}>Until…</option>
            </select>`,
          })}
          ${
            this.#expiry === 'custom'
              ? field({
                  id: 'token-until',
                  label: 'Until',
                  error: this.#expiryProblem,
                  control: html`<input class="input" id="token-until" name="until" type="datetime-local" required aria-describedby=${describedBy('token-until')} />`,
                })
              : nothing
          }
          ${field({
            id: 'token-tags',
            label: 'Tags',
            isOptional: true,
            hint: 'Given to each device; by blanks.',
            error: fieldError(error, 'tags'),
            control: html`<input class="input" id="token-tags" name="tags" maxlength="500" autocomplete="off" aria-describedby=${describedBy('token-tags')} />`,
          })}
        </div>
        <details>
          <summary>Replace a device’s hardware</summary>
          ${field({
            id: 'token-replaces',
            label: 'Id of the device to take over',
            isOptional: true,
            hint: 'The new machine keeps the name and history of this device. One use only.',
            error: fieldError(error, 'replaces_device_id'),
            control: html`<input class="input mono" id="token-replaces" name="replaces_device_id" maxlength="36" autocomplete="off" spellcheck="false" aria-describedby=${describedBy('token-replaces')} />`,
          })}
        </details>`,
    });
  }

  #renderCreated(created: CreateTokenReply): TemplateResult {
    return dialog({
      heading: 'Run this on the machine',
      isWide: true,
      onClose: () => {
        this.#created = null;
        this.#host.requestUpdate();
      },
      body: html`
        <p>One line for a Linux shell, as root. It installs the agent and enrols the machine.</p>
        <oc-copy-field label="Installer command" .text=${created.install_command}></oc-copy-field>
        <details>
          <summary>Only the token</summary>
          <oc-copy-field label="Token" .text=${created.token}></oc-copy-field>
        </details>
        <p class="fine">The token is shown now and never again.</p>
        ${this.#waiting(created)}`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }

  #waiting(created: CreateTokenReply): TemplateResult {
    const isHere = this.#arrivals.some((arrival) => arrival.isOnline);
    return html`<div class="waiting ${isHere ? 'is-here' : ''}" role="status">
      ${isHere ? icon('check') : html`<span class="pulse" aria-hidden="true"></span>`}
      <div>
        ${
          this.#arrivals.length === 0
            ? html`<b>Waiting for the first heartbeat…</b><div class="fine">This page notices by itself; you may also close it.</div>`
            : html`<ul class="arrivals">${this.#arrivals.map(
                (arrival) => html`<li>
                  <a href=${devicePath(arrival.deviceId)}>${arrival.name ?? 'New device'}</a>
                  ${arrival.isOnline ? html`${statusPill(DEVICE_STATUS_LOOKS.online)}` : html`<span class="quiet">enrolled, waiting for its heartbeat…</span>`}
                </li>`,
              )}</ul>`
        }
        ${created.max_uses > 1 && this.#arrivals.length > 0 ? html`<div class="fine">${this.#arrivals.length} of ${created.max_uses} uses</div>` : nothing}
      </div>
    </div>`;
  }

  async #submit(form: FormData): Promise<void> {
    const context = this.#context();
    const seconds =
      this.#expiry === 'custom'
        ? customExpirySeconds(textOf(form, 'until') ?? '', context.clock.get())
        : this.#expiry;
    this.#expiryProblem = seconds === null ? 'Choose a time from one minute to one year ahead.' : null;
    if (seconds === null) {
      this.#host.requestUpdate();
      return;
    }
    const name = textOf(form, 'name');
    const tags = splitTags(textOf(form, 'tags') ?? '');
    const replaces = textOf(form, 'replaces_device_id');
    const type = DEVICE_TYPES.find((known) => known === textOf(form, 'device_type'));
    await this.#form.run(async () => {
      this.#arrivals = [];
      this.#created = await context.api.call('tokens.create', {
        body: {
          organization_id: textOf(form, 'organization_id') ?? '',
          max_uses: Number(textOf(form, 'max_uses') ?? '1'),
          expires_in_seconds: seconds,
          ...(name === null ? {} : { name }),
          ...(type === undefined ? {} : { device_type: type }),
          ...(tags.length === 0 ? {} : { tags }),
          ...(replaces === null ? {} : { replaces_device_id: replaces }),
        },
      });
      this.#onChanged();
    });
  }

  async #take(event: LiveEvent): Promise<void> {
    if (this.#created === null) return;
    const before = this.#arrivals;
    this.#arrivals = arrive(before, event, this.#created.id);
    if (this.#arrivals === before) return;
    this.#host.requestUpdate();
    // The beat may have come before the news of the token: ask, do not wait for the next change.
    await Promise.all(
      this.#arrivals.filter((arrival) => arrival.name === null).map(({ deviceId }) => this.#look(deviceId)),
    );
  }

  /** After a lost link the event may be gone; the token itself knows its last device. */
  async #catchUp(): Promise<void> {
    if (this.#created === null) return;
    const token = await this.#quietly(() =>
      this.#context().api.call('tokens.get', { params: { token_id: this.#created?.id ?? '' } }),
    );
    if (token?.last_device) await this.#look(token.last_device.id);
  }

  async #look(deviceId: string): Promise<void> {
    const device = await this.#quietly(() =>
      this.#context().api.call('devices.get', { params: { device_id: deviceId } }),
    );
    if (device === null) return;
    const isOnline =
      device.observation === 'online' || this.#arrivals.some((a) => a.deviceId === deviceId && a.isOnline);
    this.#arrivals = [
      ...this.#arrivals.filter((arrival) => arrival.deviceId !== deviceId),
      { deviceId, name: device.device_name, isOnline },
    ];
    this.#host.requestUpdate();
  }

  /** A failed look is made good by the next event or the next reconnect. */
  async #quietly<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  readonly #chooseExpiry = (event: Event): void => {
    if (!(event.target instanceof HTMLSelectElement)) return;
    this.#expiry = event.target.value === 'custom' ? 'custom' : Number(event.target.value);
    this.#host.requestUpdate();
  };
}
