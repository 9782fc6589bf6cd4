/** Taking over a device that another organisation registered, by the code that came with it. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { devicePath } from '../state/addresses.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { organizationsAllowing } from '../state/session.ts';

export class DeviceClaim {
  readonly #context: () => ConsoleContext;
  readonly #action: FormAction<true>;

  constructor(host: LitElement, options: { context: () => ConsoleContext }) {
    this.#context = options.context;
    this.#action = new FormAction(host);
  }

  open(): void {
    this.#action.open(true);
  }

  render(): TemplateResult | typeof nothing {
    if (this.#action.subject === null) return nothing;
    const { api, session, organization, notices, router } = this.#context();
    const { error, isBusy } = this.#action;
    return formDialog({
      heading: 'Claim a device',
      submitLabel: 'Claim',
      isBusy,
      onClose: () => this.#action.close(),
      onSubmit: (form) =>
        void this.#action.run(async () => {
          const device = await api.call('claims.create', {
            body: {
              organization_id: textOf(form, 'organization_id') ?? '',
              code: textOf(form, 'code') ?? '',
            },
          });
          notices.say('success', `${device.device_name} is yours now.`);
          router.go(devicePath(device.id));
        }),
      body: html`
        ${formError(error, ['organization_id', 'code'])}
        <p class="quiet">The device becomes your organisation’s. Nothing of its former owner comes with it: no data, no access.</p>
        ${field({
          id: 'claim-organization',
          label: 'Organisation',
          error: fieldError(error, 'organization_id'),
          control: html`<select class="select" id="claim-organization" name="organization_id" aria-describedby=${describedBy('claim-organization')}>
            ${organizationsAllowing(session.get(), 'claim.write').map(({ id, name }) => html`<option value=${id} ?selected=${id === organization.get()}>${name}</option>`)}
          </select>`,
        })}
        ${field({
          id: 'claim-code',
          label: 'Claim code',
          hint: 'Five groups of four, from the seller or the box. Case and hyphens do not matter.',
          error: fieldError(error, 'code'),
          control: html`<input class="input mono" id="claim-code" name="code" required maxlength="60" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX-XXXX-XXXX-XXXX" autofocus aria-describedby=${describedBy('claim-code')} />`,
        })}`,
    });
  }
}
