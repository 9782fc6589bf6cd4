/** What one organisation asks of its people and devices. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import {
  ENROLLMENT_APPROVAL_MODES,
  MAX_API_KEY_DAYS,
  MIN_SESSION_IDLE_MINUTES,
  type SecurityView,
} from '#web-api';
import { describedBy, field, fieldError, formError, textOf } from '../components/form.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';

const APPROVAL_LABELS: Readonly<Record<(typeof ENROLLMENT_APPROVAL_MODES)[number], string>> = {
  never: 'No device: a token is enough',
  always: 'Every device',
  unknown_hardware: 'Devices whose hardware is not registered yet',
};
const SHOWN_FIELDS = ['session_idle_minutes', 'allowed_networks', 'max_api_key_days'];
const CONFLICT_STATUS = 409;

export class OrganizationSecurity extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
  };
  declare organizationId: string;
  readonly #security = new Resource<SecurityView>(this, (signal) =>
    this.context.api.call('security.get', { params: { organization_id: this.organizationId }, signal }),
  );
  readonly #save = new FormAction<true>(this);

  protected override open() {
    void this.#security.load();
    return [];
  }

  override render() {
    const { value, error } = this.#security;
    if (value === null) {
      return html`<div class="card">${error === null ? skeletonRows(5, 'Loading the security settings') : errorState(error, () => void this.#security.load())}</div>`;
    }
    const mayWrite = this.can('security.write', this.organizationId);
    return html`<section class="card" aria-label="Security settings">
      <div class="card-head"><h2>Security</h2>${value.updated_at === null ? nothing : html`<span class="fine">changed ${ago(value.updated_at, this.nowMs)} by ${(value.updated_by ?? '').replace(/^person:/, '')}</span>`}</div>
      <form class="card-body settings-form" @submit=${(event: SubmitEvent) => this.#submit(event, value)}>
        <fieldset class="bare" ?disabled=${!mayWrite}>${this.#fields(value)}</fieldset>
        ${mayWrite ? html`<div class="form-foot"><button type="submit" class="button primary" aria-busy=${this.#save.isBusy ? 'true' : 'false'}>Save</button></div>` : nothing}
      </form>
    </section>`;
  }

  #fields(value: SecurityView) {
    const { error } = this.#save;
    return html`
      ${error?.status === CONFLICT_STATUS ? html`<div class="callout tone-warn" role="alert"><div><p>Somebody else changed these settings meanwhile.</p><button type="button" class="button small" @click=${this.#reload}>Read them again</button></div></div>` : formError(error, SHOWN_FIELDS)}
      <label class="check"><input type="checkbox" name="require_totp" ?checked=${value.require_totp} />People need a second factor</label>
      ${field({
        id: 'allowed-networks',
        label: 'Allowed networks',
        isOptional: true,
        hint: 'One per line, such as 203.0.113.0/24. People and API keys from elsewhere are refused; your own address must be among them. Devices are not bound by this.',
        error: fieldError(error, 'allowed_networks'),
        control: html`<textarea class="input mono" id="allowed-networks" name="allowed_networks" rows="4" spellcheck="false" aria-describedby=${describedBy('allowed-networks')} .value=${value.allowed_networks.join('\n')}></textarea>`,
      })}
      ${field({
        id: 'session-idle',
        label: 'Minutes without use after which a session ends',
        isOptional: true,
        hint: 'At most what the installation allows.',
        error: fieldError(error, 'session_idle_minutes'),
        control: html`<input class="input" id="session-idle" name="session_idle_minutes" type="number" min=${MIN_SESSION_IDLE_MINUTES} max="1440" .value=${String(value.session_idle_minutes ?? '')} aria-describedby=${describedBy('session-idle')} />`,
      })}
      ${field({
        id: 'api-key-days',
        label: 'Longest life of an API key, in days',
        isOptional: true,
        error: fieldError(error, 'max_api_key_days'),
        control: html`<input class="input" id="api-key-days" name="max_api_key_days" type="number" min="1" max=${MAX_API_KEY_DAYS} .value=${String(value.max_api_key_days ?? '')} aria-describedby=${describedBy('api-key-days')} />`,
      })}
      ${field({
        id: 'enrollment-approval',
        label: 'An admin approves the enrolment of',
        control: html`<select class="select" id="enrollment-approval" name="enrollment_approval" aria-describedby=${describedBy('enrollment-approval')}>${ENROLLMENT_APPROVAL_MODES.map((mode) => html`<option value=${mode} ?selected=${mode === value.enrollment_approval}>${APPROVAL_LABELS[mode]}</option>`)}</select>`,
      })}`;
  }

  #submit(event: SubmitEvent, before: SecurityView): void {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    this.#save.open(true);
    void this.#save.run(async () => {
      const approval = textOf(form, 'enrollment_approval');
      const saved = await this.context.api.call('security.update', {
        params: { organization_id: this.organizationId },
        body: {
          version: before.version,
          require_totp: form.has('require_totp'),
          session_idle_minutes: numberOf(form, 'session_idle_minutes'),
          allowed_networks: (textOf(form, 'allowed_networks') ?? '')
            .split(/\s+/)
            .filter((text) => text !== ''),
          enrollment_approval: ENROLLMENT_APPROVAL_MODES.find((mode) => mode === approval) ?? 'never',
          max_api_key_days: numberOf(form, 'max_api_key_days'),
        },
      });
      this.#security.put(saved);
      this.context.notices.say('success', 'The security settings are saved.');
    });
  }

  readonly #reload = (): void => {
    this.#save.open(true);
    void this.#security.load({ forget: true });
  };
}

function numberOf(form: FormData, name: string): number | null {
  const text = textOf(form, name);
  return text === null ? null : Number(text);
}

customElements.define('oc-organization-security', OrganizationSecurity);
declare global {
  interface HTMLElementTagNameMap {
    'oc-organization-security': OrganizationSecurity;
  }
}
