/** What can be done with a device, in the list and on its own page: menu and dialogs, with the calls behind them. */
import { html, type LitElement, type nothing, type TemplateResult } from 'lit';
import type { Action, DeviceView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { ApiError } from '../data/api-error.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { allows } from '../state/session.ts';
import { DeviceHandover } from './device-handover.ts';

export type ActedDevice = Pick<DeviceView, 'id' | 'device_name' | 'intent' | 'organization_id'>;
export interface DeviceActionsOptions {
  readonly context: () => ConsoleContext;
  readonly onChanged: (device: DeviceView) => void;
  readonly onDeleted: (deviceId: string) => void;
  readonly onRevoked: (deviceId: string) => void;
  /** A claim code was made. */
  readonly onClaimable?: (deviceId: string) => void;
}
const CHOICES = ['rename', 'maintenance', 'replace', 'claim-code', 'revoke', 'delete'] as const;
type Choice = (typeof CHOICES)[number];

export class DeviceActions {
  readonly #options: DeviceActionsOptions;
  readonly #rename: FormAction<ActedDevice>;
  readonly #revoke: FormAction<ActedDevice>;
  readonly #delete: FormAction<ActedDevice>;
  readonly #handover: DeviceHandover;
  readonly #host: LitElement;
  #typedName = '';

  constructor(host: LitElement, options: DeviceActionsOptions) {
    this.#host = host;
    this.#options = options;
    this.#rename = new FormAction(host);
    this.#revoke = new FormAction(host);
    this.#delete = new FormAction(host);
    this.#handover = new DeviceHandover(host, {
      context: options.context,
      onClaimable: (deviceId) => options.onClaimable?.(deviceId),
    });
  }

  /** Items for a `wa-dropdown`; empty where the role allows nothing. */
  items(device: ActedDevice): TemplateResult[] {
    const may = (action: Action) =>
      allows(this.#options.context().session.get(), action, device.organization_id);
    const isInMaintenance = device.intent === 'maintenance';
    return [
      ...(may('device.write')
        ? [
            html`<wa-dropdown-item value="rename"><span slot="icon">${icon('pencil')}</span>Rename</wa-dropdown-item>`,
            html`<wa-dropdown-item value="maintenance"><span slot="icon">${icon('wrench')}</span>${isInMaintenance ? 'End maintenance' : 'Start maintenance'}</wa-dropdown-item>`,
          ]
        : []),
      ...(may('token.write')
        ? [
            html`<wa-dropdown-item value="replace"><span slot="icon">${icon('chip')}</span>Replace hardware</wa-dropdown-item>`,
          ]
        : []),
      ...(may('claim.write')
        ? [
            html`<wa-dropdown-item value="claim-code"><span slot="icon">${icon('token')}</span>Make claim code</wa-dropdown-item>`,
          ]
        : []),
      ...(may('device.revoke')
        ? [
            html`<wa-dropdown-item value="revoke"><span slot="icon">${icon('shield-off')}</span>Revoke certificates</wa-dropdown-item>`,
          ]
        : []),
      ...(may('device.delete')
        ? [
            html`<wa-dropdown-item value="delete" variant="danger"><span slot="icon">${icon('trash')}</span>Delete</wa-dropdown-item>`,
          ]
        : []),
    ];
  }

  select(device: ActedDevice, event: CustomEvent<{ item: { value: string } }>): void {
    const choice = event.detail.item.value;
    if (isChoice(choice)) this.start(device, choice);
  }

  start(device: ActedDevice, choice: Choice): void {
    this.#typedName = '';
    if (choice === 'rename') this.#rename.open(device);
    else if (choice === 'replace') this.#handover.openReplace(device);
    else if (choice === 'claim-code') this.#handover.openCode(device);
    else if (choice === 'revoke') this.#revoke.open(device);
    else if (choice === 'delete') this.#delete.open(device);
    else void this.#toggleMaintenance(device);
  }

  render(): TemplateResult | typeof nothing {
    if (this.#rename.subject !== null) return this.#renderRename(this.#rename.subject);
    if (this.#revoke.subject !== null) return this.#renderRevoke(this.#revoke.subject);
    if (this.#delete.subject !== null) return this.#renderDelete(this.#delete.subject);
    return this.#handover.render();
  }

  async #toggleMaintenance(device: ActedDevice): Promise<void> {
    const { api, notices } = this.#options.context();
    const status = device.intent === 'maintenance' ? 'active' : 'maintenance';
    try {
      const changed = await api.call('devices.update', {
        params: { device_id: device.id },
        body: { status },
      });
      this.#options.onChanged(changed);
      notices.say(
        'success',
        `${device.device_name} is ${status === 'maintenance' ? 'in maintenance' : 'back in service'}.`,
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.say('danger', error.message);
    }
  }

  #renderRename(device: ActedDevice): TemplateResult {
    const action = this.#rename;
    return formDialog({
      heading: 'Rename device',
      submitLabel: 'Rename',
      isBusy: action.isBusy,
      onClose: () => action.close(),
      onSubmit: (form) =>
        void action.run(async () => {
          const { api, notices } = this.#options.context();
          const changed = await api.call('devices.update', {
            params: { device_id: device.id },
            body: { device_name: textOf(form, 'device_name') ?? '' },
          });
          this.#options.onChanged(changed);
          notices.say('success', `Renamed to ${changed.device_name}.`);
        }),
      body: html`
        ${formError(action.error, ['device_name'])}
        ${field({
          id: 'device-name',
          label: 'Name',
          hint: 'Unique within the organisation.',
          error: fieldError(action.error, 'device_name'),
          control: html`<input class="input" id="device-name" name="device_name" required maxlength="255" autofocus .value=${device.device_name} aria-describedby=${describedBy('device-name')} />`,
        })}`,
    });
  }

  #renderRevoke(device: ActedDevice): TemplateResult {
    const action = this.#revoke;
    return formDialog({
      heading: 'Revoke certificates',
      submitLabel: 'Revoke',
      isDanger: true,
      isBusy: action.isBusy,
      isDisabled: this.#typedName !== device.device_name,
      onClose: () => action.close(),
      onSubmit: (form) =>
        void action.run(async () => {
          const { api, notices } = this.#options.context();
          const { revoked } = await api.call('devices.revoke', {
            params: { device_id: device.id },
            body: { reason: textOf(form, 'reason') ?? '' },
          });
          this.#options.onRevoked(device.id);
          notices.say(
            'success',
            `${revoked} ${revoked === 1 ? 'certificate' : 'certificates'} of ${device.device_name} revoked.`,
          );
        }),
      body: html`
        ${formError(action.error, ['reason'])}
        <div class="callout tone-warn">${icon('alert')}<div><p><b>${device.device_name}</b> is disconnected at once and cannot come back until it enrols with a new token.</p></div></div>
        ${field({
          id: 'revoke-reason',
          label: 'Reason',
          hint: 'Kept in the audit log.',
          error: fieldError(action.error, 'reason'),
          control: html`<input class="input" id="revoke-reason" name="reason" required maxlength="200" autofocus aria-describedby=${describedBy('revoke-reason')} />`,
        })}
        ${field({
          id: 'typed-name',
          label: `Type “${device.device_name}” to confirm`,
          control: html`<input class="input" id="typed-name" autocomplete="off" spellcheck="false" @input=${this.#type} aria-describedby=${describedBy('typed-name')} />`,
        })}`,
    });
  }

  #renderDelete(device: ActedDevice): TemplateResult {
    const action = this.#delete;
    return formDialog({
      heading: 'Delete device',
      submitLabel: 'Delete for good',
      isDanger: true,
      isBusy: action.isBusy,
      isDisabled: this.#typedName !== device.device_name,
      onClose: () => action.close(),
      onSubmit: () => {
        if (this.#typedName !== device.device_name) return;
        void action.run(async () => {
          const { api, notices } = this.#options.context();
          await api.call('devices.delete', { params: { device_id: device.id } });
          this.#options.onDeleted(device.id);
          notices.say('success', `${device.device_name} is deleted.`);
        });
      },
      body: html`
        ${formError(action.error, [])}
        <p>The device is disconnected, its certificates are revoked, and its history is removed. This cannot be undone.</p>
        ${field({
          id: 'typed-name',
          label: `Type “${device.device_name}” to confirm`,
          control: html`<input class="input" id="typed-name" autocomplete="off" spellcheck="false" autofocus @input=${this.#type} aria-describedby=${describedBy('typed-name')} />`,
        })}`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedName = event.target instanceof HTMLInputElement ? event.target.value.trim() : '';
    this.#host.requestUpdate();
  };
}

const isChoice = (value: string): value is Choice => CHOICES.some((known) => known === value);
