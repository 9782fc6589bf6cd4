/** New hardware for a device, and a device for a new owner: the dialogs and what they show once. */
import { html, type LitElement, type nothing, type TemplateResult } from 'lit';
import type { ClaimCodeReply, DeviceView } from '#web-api';
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
import { dateTime } from '../format/time.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { TokenCreation } from './token-creation.ts';

export type HandedDevice = Pick<DeviceView, 'id' | 'device_name' | 'organization_id'>;

const DAY_SECONDS = 86_400;
const CODE_DAYS = [1, 7, 30, 365] as const;
const DEFAULT_CODE_DAYS = 30;
/** Somebody has to carry the new machine there. */
const REPLACEMENT_SECONDS = DAY_SECONDS;

export class DeviceHandover {
  readonly #host: LitElement;
  readonly #context: () => ConsoleContext;
  readonly #onClaimable: (deviceId: string) => void;
  readonly #replace: FormAction<HandedDevice>;
  readonly #code: FormAction<HandedDevice>;
  readonly #tokens: TokenCreation;
  #made: { readonly device: HandedDevice; readonly reply: ClaimCodeReply } | null = null;

  constructor(
    host: LitElement,
    options: { context: () => ConsoleContext; onClaimable: (deviceId: string) => void },
  ) {
    this.#host = host;
    this.#context = options.context;
    this.#onClaimable = options.onClaimable;
    this.#replace = new FormAction(host);
    this.#code = new FormAction(host);
    this.#tokens = new TokenCreation(host, { context: options.context, onChanged: () => undefined });
  }

  openReplace(device: HandedDevice): void {
    this.#replace.open(device);
  }

  openCode(device: HandedDevice): void {
    this.#made = null;
    this.#code.open(device);
  }

  render(): TemplateResult | typeof nothing {
    if (this.#made !== null) return this.#renderMade(this.#made.device, this.#made.reply);
    if (this.#replace.subject !== null) return this.#renderReplace(this.#replace.subject);
    if (this.#code.subject !== null) return this.#renderCode(this.#code.subject);
    return this.#tokens.render();
  }

  #renderReplace(device: HandedDevice): TemplateResult {
    const action = this.#replace;
    return formDialog({
      heading: 'Replace hardware',
      submitLabel: 'Make the installer line',
      isBusy: action.isBusy,
      onClose: () => action.close(),
      onSubmit: () =>
        void action.run(async () => {
          const created = await this.#context().api.call('tokens.create', {
            body: {
              organization_id: device.organization_id,
              name: `New hardware of ${device.device_name}`.slice(0, 100),
              replaces_device_id: device.id,
              expires_in_seconds: REPLACEMENT_SECONDS,
            },
          });
          this.#tokens.show(created);
        }),
      body: html`
        ${formError(action.error, [])}
        <p>The new machine takes the place of <b>${device.device_name}</b>: its name, history, configuration and address stay. You get an installer line for the new machine, good for one day and one use.</p>
        <div class="callout tone-warn">${icon('alert')}<div><p>The present machine is locked out at the moment the new one enrols.</p></div></div>`,
    });
  }

  #renderCode(device: HandedDevice): TemplateResult {
    const action = this.#code;
    return formDialog({
      heading: 'Make a claim code',
      submitLabel: 'Make the code',
      isBusy: action.isBusy,
      onClose: () => action.close(),
      onSubmit: (form) =>
        void action.run(async () => {
          const reply = await this.#context().api.call('claim_codes.create', {
            params: { device_id: device.id },
            body: { expires_in_seconds: Number(textOf(form, 'days') ?? DEFAULT_CODE_DAYS) * DAY_SECONDS },
          });
          this.#made = { device, reply };
          this.#onClaimable(device.id);
        }),
      body: html`
        ${formError(action.error, ['expires_in_seconds'])}
        <p>Whoever enters the code takes <b>${device.device_name}</b> over for their organisation. It leaves yours then: its certificates are revoked and its telemetry is deleted.</p>
        ${field({
          id: 'claim-code-days',
          label: 'Valid for',
          hint: 'A new code takes the place of the one before.',
          error: fieldError(action.error, 'expires_in_seconds'),
          control: html`<select class="select" id="claim-code-days" name="days" aria-describedby=${describedBy('claim-code-days')}>
            ${CODE_DAYS.map((days) => html`<option value=${days} ?selected=${days === DEFAULT_CODE_DAYS}>${days === 1 ? 'One day' : days === 365 ? 'One year' : `${days} days`}</option>`)}
          </select>`,
        })}`,
    });
  }

  #renderMade(device: HandedDevice, reply: ClaimCodeReply): TemplateResult {
    return dialog({
      heading: `Claim code of ${device.device_name}`,
      onClose: () => {
        this.#made = null;
        this.#host.requestUpdate();
      },
      body: html`
        <oc-copy-field label="Claim code" .text=${reply.code}></oc-copy-field>
        <p class="fine">Good until ${dateTime(reply.expires_at)}. It is shown now and never again.</p>`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }
}
