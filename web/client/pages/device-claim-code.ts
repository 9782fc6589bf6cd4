/** On a device's page: whether somebody can claim it, until when, and the way to end that. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import type { ClaimCodeView, DeviceView } from '#web-api';
import { formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { ago } from '../components/time.ts';
import { dateTime } from '../format/time.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { allows } from '../state/session.ts';
import { card } from './device-cards.ts';

type ClaimableDevice = Pick<DeviceView, 'id' | 'device_name' | 'organization_id'>;

export class DeviceClaimCode {
  readonly #context: () => ConsoleContext;
  readonly #code: Resource<ClaimCodeView>;
  readonly #withdraw: FormAction<ClaimableDevice>;
  #askedId: string | null = null;

  constructor(host: LitElement, options: { context: () => ConsoleContext; deviceId: () => string }) {
    this.#context = options.context;
    this.#code = new Resource(host, (signal) =>
      options.context().api.call('claim_codes.get', { params: { device_id: options.deviceId() }, signal }),
    );
    this.#withdraw = new FormAction(host);
  }

  /** Asks once for each device, and only for those who may act on the answer. */
  follow(device: ClaimableDevice | null): void {
    if (device === null || device.id === this.#askedId || !this.#may(device)) return;
    this.#askedId = device.id;
    void this.#code.load({ forget: true });
  }

  reload(): void {
    void this.#code.load();
  }

  /** Nothing where there is no code. */
  card(device: ClaimableDevice, nowMs: number): TemplateResult | typeof nothing {
    const expiresAt = this.#code.value?.expires_at ?? null;
    if (expiresAt === null || !this.#may(device)) return nothing;
    return card(
      'Claim code',
      html`<p>Whoever has the code can take this device over until ${dateTime(expiresAt)}.</p>
        <p class="button-row"><button type="button" class="button" @click=${() => this.#withdraw.open(device)}>${icon('ban')}Withdraw</button></p>`,
      { aside: html`<span class="fine">ends ${ago(expiresAt, nowMs)}</span>` },
    );
  }

  render(): TemplateResult | typeof nothing {
    const device = this.#withdraw.subject;
    if (device === null) return nothing;
    return formDialog({
      heading: 'Withdraw claim code',
      submitLabel: 'Withdraw',
      isDanger: true,
      isBusy: this.#withdraw.isBusy,
      onClose: () => this.#withdraw.close(),
      onSubmit: () =>
        void this.#withdraw.run(async () => {
          const { api, notices } = this.#context();
          await api.call('claim_codes.delete', { params: { device_id: device.id } });
          this.#code.put({ expires_at: null });
          notices.say('success', `${device.device_name} cannot be claimed any more.`);
        }),
      body: html`${formError(this.#withdraw.error, [])}
        <p>The code of <b>${device.device_name}</b> stops working at once. You can make a new one.</p>`,
    });
  }

  #may(device: ClaimableDevice): boolean {
    return allows(this.#context().session.get(), 'claim.write', device.organization_id);
  }
}
