/** Secrets of an organisation: set, checked and deleted by name; a value goes in and never comes out. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { type EncryptionView, SECRET_PROVIDERS, type SecretCheckReply, type SecretView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage } from './console-page.ts';
import { PagedList } from './paged-list.ts';

const PROVIDER_LABELS: Readonly<Record<SecretView['provider'], string>> = {
  builtin: 'Built in',
  vault: 'Vault',
  aws: 'AWS Secrets Manager',
};
const SHOWN_FIELDS = ['secret_name', 'provider', 'value', 'path', 'field'];

export class OrganizationSecrets extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
    providers: { attribute: false },
  };
  declare organizationId: string;
  /** Set up in the installation; null until that is known. */
  declare providers: EncryptionView['secret_providers'] | null;
  readonly #list = new PagedList<SecretView>(this, {
    context: () => this.context,
    what: 'secrets',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('secrets.list', { params: this.#params, query: cursor, signal }),
  });
  /** The secret that is set, or `new`. */
  readonly #set = new FormAction<SecretView | 'new'>(this);
  readonly #remove = new FormAction<SecretView>(this);
  #provider: SecretView['provider'] = 'builtin';
  #typedName = '';
  #isChecking = false;

  get #params() {
    return { organization_id: this.organizationId };
  }

  override render() {
    const mayWrite = this.can('secret.write', this.organizationId);
    const set = html`<button type="button" class="button small" @click=${() => this.#open('new')}>${icon('plus')}Set a secret</button>`;
    return html`
      <section class="card table-card" aria-label="Secrets">
        <div class="card-head"><h2>Secrets</h2>
          ${
            mayWrite
              ? html`<div class="page-actions">
                  ${this.#list.items === null || this.#list.items.length === 0 ? nothing : html`<button type="button" class="button small" aria-busy=${this.#isChecking ? 'true' : 'false'} @click=${() => void this.#check()}>${icon('refresh')}Check</button>`}
                  ${set}
                </div>`
              : nothing
          }
        </div>
        ${this.#list.render({
          empty: emptyState({
            icon: 'lock',
            title: 'No secrets yet',
            text: 'Configurations refer to a secret as secret:NAME. Its value is never shown again.',
          }),
          table: (items) => html`<table class="table auto" role="table" aria-label="Secrets">
            <thead role="rowgroup">
              <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Provider</th><th role="columnheader" scope="col">Version</th><th role="columnheader" scope="col">Set</th><th role="columnheader" scope="col">Last resolved</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
            </thead>
            <tbody role="rowgroup">${items.map((secret) => this.#row(secret, mayWrite))}</tbody>
          </table>`,
        })}
      </section>
      ${this.#renderSet()} ${this.#renderRemove()}`;
  }

  #row(secret: SecretView, mayWrite: boolean) {
    const place = [secret.path, secret.field].filter((part) => part !== null).join(' · ');
    return html`<tr class="row" role="row">
      <td role="cell" class="lead wrap"><div class="cell"><b class="mono">${secret.name}</b>${secret.last_error === null ? nothing : html`<div class="error-text">${icon('alert')}${secret.last_error}</div>`}</div></td>
      <td role="cell" data-label="Provider" class="wrap"><div class="cell">${PROVIDER_LABELS[secret.provider]}${place === '' ? nothing : html`<div class="fine mono">${place}</div>`}</div></td>
      <td role="cell" data-label="Version"><div class="cell">${secret.version}</div></td>
      <td role="cell" data-label="Set"><div class="cell">${ago(secret.updated_at, this.nowMs)}<div class="fine">${secret.updated_by}</div></div></td>
      <td role="cell" data-label="Last resolved"><div class="cell">${ago(secret.last_resolved_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${
        mayWrite
          ? html`<div class="row-actions"><button type="button" class="icon-button" aria-label="Set ${secret.name} again" title="Set again" @click=${() => this.#open(secret)}>${icon('pencil')}</button><button type="button" class="icon-button" aria-label="Delete ${secret.name}" title="Delete" @click=${() => this.#openRemove(secret)}>${icon('trash')}</button></div>`
          : nothing
      }</td>
    </tr>`;
  }

  #open(subject: SecretView | 'new') {
    this.#provider = subject === 'new' ? 'builtin' : subject.provider;
    this.#set.open(subject);
  }

  #openRemove(secret: SecretView) {
    this.#typedName = '';
    this.#remove.open(secret);
  }

  async #check() {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.requestUpdate();
    try {
      const names = (this.#list.items ?? []).slice(0, 100).map(({ name }) => name);
      const { items } = await this.context.api.call('secrets.check', {
        params: this.#params,
        body: { names },
      });
      this.#say(items);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.context.notices.say('danger', error.message);
    }
    this.#isChecking = false;
    await this.#list.load();
  }

  #say(items: SecretCheckReply['items']) {
    const failed = items.filter(({ resolves }) => !resolves);
    if (failed.length === 0)
      this.context.notices.say('success', `${count(items.length, 'secret')} checked, all have a value.`);
    else this.context.notices.say('danger', `No value: ${failed.map(({ name }) => name).join(', ')}.`);
  }

  #renderSet() {
    const subject = this.#set.subject;
    if (subject === null) return nothing;
    const secret = subject === 'new' ? null : subject;
    const { error, isBusy } = this.#set;
    const choices = SECRET_PROVIDERS.filter((name) => this.providers?.includes(name) ?? name === 'builtin');
    return formDialog({
      heading: secret === null ? 'Set a secret' : `Set ${secret.name} again`,
      submitLabel: 'Set',
      isBusy,
      onClose: () => this.#set.close(),
      onSubmit: (form) => void this.#save(form, secret),
      body: html`
        ${formError(error, SHOWN_FIELDS)}
        ${
          secret === null
            ? field({
                id: 'secret-name',
                label: 'Name',
                hint: 'Letters, digits, dots, dashes and underscores; begins with a letter.',
                error: fieldError(error, 'secret_name'),
                control: html`<input class="input mono" id="secret-name" name="name" required maxlength="64" pattern="[A-Za-z][A-Za-z0-9_.\\-]*" autocomplete="off" autocapitalize="off" spellcheck="false" autofocus aria-describedby=${describedBy('secret-name')} />`,
              })
            : nothing
        }
        ${field({
          id: 'secret-provider',
          label: 'Where its value lies',
          error: fieldError(error, 'provider'),
          control: html`<select class="select" id="secret-provider" name="provider" @change=${this.#chooseProvider} aria-describedby=${describedBy('secret-provider')}>${choices.map((name) => html`<option value=${name} ?selected=${name === this.#provider}>${PROVIDER_LABELS[name]}</option>`)}</select>`,
        })}
        ${this.#provider === 'builtin' ? this.#valueField() : this.#placeFields(secret)}`,
    });
  }

  #valueField() {
    const { error } = this.#set;
    return field({
      id: 'secret-value',
      label: 'Value',
      hint: 'Stored encrypted. Nobody can read it back here.',
      error: fieldError(error, 'value'),
      control: html`<input class="input mono" id="secret-value" name="value" type="password" required maxlength="65536" autocomplete="new-password" spellcheck="false" aria-describedby=${describedBy('secret-value')} />`,
    });
  }

  #placeFields(secret: SecretView | null) {
    const { error } = this.#set;
    return html`
      ${field({
        id: 'secret-path',
        label: 'Path',
        hint: 'Below the folder of this organisation, such as db/main.',
        error: fieldError(error, 'path'),
        control: html`<input class="input mono" id="secret-path" name="path" required maxlength="300" autocapitalize="off" spellcheck="false" .value=${secret?.path ?? ''} aria-describedby=${describedBy('secret-path')} />`,
      })}
      ${field({
        id: 'secret-field',
        label: 'Field',
        isOptional: true,
        hint: this.#provider === 'vault' ? 'Default: value.' : 'Of a JSON text; default: the whole text.',
        error: fieldError(error, 'field'),
        control: html`<input class="input mono" id="secret-field" name="field" maxlength="100" autocapitalize="off" spellcheck="false" .value=${secret?.field ?? ''} aria-describedby=${describedBy('secret-field')} />`,
      })}`;
  }

  readonly #chooseProvider = (event: Event): void => {
    const value = event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : '';
    this.#provider = SECRET_PROVIDERS.find((known) => known === value) ?? 'builtin';
    this.requestUpdate();
  };

  async #save(form: FormData, secret: SecretView | null) {
    const name = secret?.name ?? textOf(form, 'name') ?? '';
    const provider = this.#provider;
    // Not trimmed: blanks may belong to it.
    const value = form.get('value');
    const innerField = textOf(form, 'field');
    await this.#set.run(async () => {
      await this.context.api.call('secrets.put', {
        params: { ...this.#params, secret_name: name },
        body:
          provider === 'builtin'
            ? { provider, value: typeof value === 'string' ? value : '' }
            : {
                provider,
                path: textOf(form, 'path') ?? '',
                ...(innerField === null ? {} : { field: innerField }),
              },
      });
      this.context.notices.say('success', `${name} is set.`);
      await this.#list.load();
    });
  }

  #renderRemove() {
    const secret = this.#remove.subject;
    if (secret === null) return nothing;
    return formDialog({
      heading: 'Delete secret',
      submitLabel: 'Delete for good',
      isDanger: true,
      isBusy: this.#remove.isBusy,
      isDisabled: this.#typedName !== secret.name,
      onClose: () => this.#remove.close(),
      onSubmit: () => {
        if (this.#typedName !== secret.name) return;
        void this.#remove.run(async () => {
          await this.context.api.call('secrets.delete', {
            params: { ...this.#params, secret_name: secret.name },
          });
          this.context.notices.say('success', `${secret.name} is deleted.`);
          await this.#list.load();
        });
      },
      body: html`
        ${formError(this.#remove.error, [])}
        <p>Configurations that refer to <b class="mono">secret:${secret.name}</b> can no longer be delivered. This cannot be undone.</p>
        ${field({
          id: 'typed-secret',
          label: `Type “${secret.name}” to confirm`,
          control: html`<input class="input mono" id="typed-secret" autocomplete="off" spellcheck="false" autofocus @input=${this.#type} aria-describedby=${describedBy('typed-secret')} />`,
        })}`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedName = event.target instanceof HTMLInputElement ? event.target.value.trim() : '';
    this.requestUpdate();
  };
}

customElements.define('oc-organization-secrets', OrganizationSecrets);
declare global {
  interface HTMLElementTagNameMap {
    'oc-organization-secrets': OrganizationSecrets;
  }
}
