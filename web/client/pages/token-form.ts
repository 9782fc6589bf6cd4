/** The fields of a new token. Dumb template. */
import { html, nothing, type TemplateResult } from 'lit';
import { DEVICE_TYPES, type GroupView, type OrganizationView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import type { ApiError } from '../data/api-error.ts';
import { EXPIRY_PRESETS } from '../format/expiry.ts';
import { DEVICE_TYPE_LABELS } from '../format/status.ts';

const FIELDS = [
  'organization_id',
  'name',
  'device_type',
  'max_uses',
  'expires_in_seconds',
  'tags',
  'replaces_device_id',
  'requires_approval',
  'allowed_networks',
  'group_ids',
];

/** Seconds, or a time that the person chooses. */
export type Expiry = number | 'custom';

export interface TokenForm {
  readonly organizations: readonly OrganizationView[];
  readonly organizationId: string | null;
  readonly error: ApiError | null;
  readonly isBusy: boolean;
  readonly expiry: Expiry;
  readonly expiryProblem: string | null;
  /** Of the chosen organisation. */
  readonly groups: readonly GroupView[];
  readonly onOrganization: (organizationId: string) => void;
  readonly onExpiry: (expiry: Expiry) => void;
  readonly onClose: () => void;
  readonly onSubmit: (form: FormData) => void;
}

export function tokenForm(input: TokenForm): TemplateResult {
  const { error } = input;
  const choose = (event: Event): void => {
    if (!(event.target instanceof HTMLSelectElement)) return;
    input.onExpiry(event.target.value === 'custom' ? 'custom' : Number(event.target.value));
  };
  const chooseOrganization = (event: Event): void => {
    if (event.target instanceof HTMLSelectElement) input.onOrganization(event.target.value);
  };
  return formDialog({
    heading: 'Create an enrolment token',
    submitLabel: 'Create token',
    isBusy: input.isBusy,
    isWide: true,
    onClose: input.onClose,
    onSubmit: input.onSubmit,
    body: html`
        ${formError(error, FIELDS)}
        <div class="field-row">
          ${field({
            id: 'token-organization',
            label: 'Organisation',
            error: fieldError(error, 'organization_id'),
            control: html`<select class="select" id="token-organization" name="organization_id" @change=${chooseOrganization} aria-describedby=${describedBy('token-organization')}>
              ${input.organizations.map(({ id, name }) => html`<option value=${id} ?selected=${id === input.organizationId}>${name}</option>`)}
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
            control: html`<select class="select" id="token-expiry" @change=${choose} aria-describedby=${describedBy('token-expiry')}>
              ${EXPIRY_PRESETS.map(({ seconds, label }) => html`<option value=${seconds} ?selected=${input.expiry === seconds}>${label}</option>`)}
              <option value="custom" ?selected=${input.expiry === 'custom'}>Until…</option>
            </select>`,
          })}
          ${
            input.expiry === 'custom'
              ? field({
                  id: 'token-until',
                  label: 'Until',
                  error: input.expiryProblem,
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
        ${groupFields(input)}
        <label class="check"><input type="checkbox" name="requires_approval" />People approve each machine before it comes in</label>
        <details>
          <summary>Limit to networks</summary>
          ${field({
            id: 'token-networks',
            label: 'Networks',
            isOptional: true,
            hint: 'In CIDR notation, by blanks, e.g. 192.0.2.0/24. Empty: from everywhere.',
            error: fieldError(error, 'allowed_networks'),
            control: html`<input class="input mono" id="token-networks" name="allowed_networks" maxlength="1000" autocomplete="off" spellcheck="false" aria-describedby=${describedBy('token-networks')} />`,
          })}
        </details>
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

/** Nothing where the organisation has no group. */
function groupFields({ groups, error }: TokenForm): TemplateResult | typeof nothing {
  if (groups.length === 0) return nothing;
  const problem = fieldError(error, 'group_ids');
  return html`<fieldset class="field">
    <legend>Groups <span class="optional">optional</span></legend>
    <div class="check-grid">
      ${groups.map(({ id, name }) => html`<label class="check"><input type="checkbox" name="group_ids" value=${id} />${name}</label>`)}
    </div>
    <div class="note">${problem === null ? 'Each device that enrols joins them.' : html`<span class="error-text" role="alert">${icon('alert')}${problem}</span>`}</div>
  </fieldset>`;
}
