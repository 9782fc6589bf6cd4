/** The fields of a new API key. Dumb template. */
import { html, type TemplateResult } from 'lit';
import { DEFAULT_API_KEY_DAYS, KEY_SCOPES, MAX_API_KEY_DAYS } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import type { ApiError } from '../data/api-error.ts';

export interface ApiKeyForm {
  /** What the holder may do: the key may do no more. */
  readonly scopes: readonly string[];
  readonly error: ApiError | null;
  readonly isBusy: boolean;
  readonly onClose: () => void;
  readonly onSubmit: (form: FormData) => void;
}

export const apiKeyForm = ({ scopes, error, isBusy, onClose, onSubmit }: ApiKeyForm): TemplateResult =>
  formDialog({
    heading: 'Create an API key',
    submitLabel: 'Create key',
    isBusy,
    isWide: true,
    onClose,
    onSubmit,
    body: html`${formError(error, ['name', 'expires_in_days', 'scopes'])}
      <div class="field-row">
        ${field({
          id: 'key-name',
          label: 'Name',
          hint: 'What uses it, so that you know it later.',
          error: fieldError(error, 'name'),
          control: html`<input class="input" id="key-name" name="name" required maxlength="100" autofocus autocomplete="off" aria-describedby=${describedBy('key-name')} />`,
        })}
        ${field({
          id: 'key-days',
          label: 'Valid for days',
          error: fieldError(error, 'expires_in_days'),
          control: html`<input class="input" id="key-days" name="expires_in_days" type="number" min="1" max=${MAX_API_KEY_DAYS} value=${DEFAULT_API_KEY_DAYS} required aria-describedby=${describedBy('key-days')} />`,
        })}
      </div>
      <fieldset class="field">
        <legend>What it may do</legend>
        <div class="note">${fieldError(error, 'scopes') === null ? 'Choose as little as it needs.' : html`<span class="error-text" role="alert">${icon('alert')}${fieldError(error, 'scopes')}</span>`}</div>
        <div class="check-grid">
          ${scopes.map((scope) => html`<label class="check"><input type="checkbox" name="scopes" value=${scope} /><span class="mono">${scope}</span></label>`)}
        </div>
      </fieldset>`,
  });

/** What the form says; names of actions that the contract does not have are left out. */
export function apiKeyBody(form: FormData) {
  const chosen = new Set(form.getAll('scopes').map(String));
  return {
    name: textOf(form, 'name') ?? '',
    expires_in_days: Number(textOf(form, 'expires_in_days') ?? String(DEFAULT_API_KEY_DAYS)),
    scopes: KEY_SCOPES.filter((scope) => chosen.has(scope)),
  };
}
