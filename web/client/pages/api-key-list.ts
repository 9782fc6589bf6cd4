/** API keys of the person, or of a service account: list, create, revoke. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import type { ApiKeyView, CreateApiKeyReply } from '#web-api';
import { closeDialog, dialog, formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { typedNameField } from '../components/typed-name.ts';
import { API_KEY_STATE_LOOKS } from '../format/status.ts';
import { FormAction } from '../state/form-action.ts';
import { apiKeyBody, apiKeyForm } from './api-key-form.ts';
import { ConsolePage } from './console-page.ts';
import { PagedList } from './paged-list.ts';
import '../components/copy-field.ts';

/** Whose keys; null: the person's own. */
export interface KeyHolder {
  readonly organizationId: string;
  readonly accountId: string;
  readonly mayWrite: boolean;
}

export class ApiKeyList extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    scopes: { attribute: false },
    holder: { attribute: false },
  };
  declare scopes: readonly string[];
  declare holder: KeyHolder | null;
  readonly #list = new PagedList<ApiKeyView>(this, {
    context: () => this.context,
    what: 'API keys',
    followsOrganization: false,
    fetch: (cursor, signal) => {
      const params = this.#account;
      return params === null
        ? this.context.api.call('api_keys.list', { query: cursor, signal })
        : this.context.api.call('service_account_keys.list', { params, query: cursor, signal });
    },
  });
  readonly #create = new FormAction<true>(this);
  readonly #revoke = new FormAction<ApiKeyView>(this);
  #created: CreateApiKeyReply | null = null;
  #typedName = '';

  constructor() {
    super();
    this.scopes = [];
    this.holder = null;
  }

  get #account() {
    const { holder } = this;
    return holder === null ? null : { organization_id: holder.organizationId, account_id: holder.accountId };
  }

  get #mayWrite(): boolean {
    return this.holder?.mayWrite ?? true;
  }

  override render() {
    return html`<section class="card table-card" aria-label="API keys">
        <div class="card-head"><h2>API keys</h2>
          ${this.#mayWrite ? html`<button type="button" class="button small" @click=${() => this.#create.open(true)}>${icon('plus')}Create key</button>` : nothing}
        </div>
        ${this.#content()}
      </section>
      ${this.#renderCreate()} ${this.#created === null ? nothing : this.#renderCreated(this.#created)} ${this.#renderRevoke()}`;
  }

  #content() {
    return this.#list.render({
      empty: emptyState({
        icon: 'token',
        title: 'No API keys',
        text: 'A key lets a program call the API, with the rights that you give it and no more.',
      }),
      table: (items) => html`<table class="table auto" role="table" aria-label="API keys">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">State</th>
            <th role="columnheader" scope="col">May do</th><th role="columnheader" scope="col">Last used</th>
            <th role="columnheader" scope="col">Expires</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((key) => this.#row(key))}</tbody>
      </table>`,
    });
  }

  #row(key: ApiKeyView) {
    const from = key.last_used_ip === null ? '' : `from ${key.last_used_ip}`;
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${key.name}</b><div class="fine mono">${key.prefix}…</div></div></td>
      <td role="cell" data-label="State"><div class="cell">${statusPill(API_KEY_STATE_LOOKS[key.state])}</div></td>
      <td role="cell" data-label="May do" class="wrap"><div class="cell"><div class="tags">${key.scopes.map((scope) => html`<span class="tag">${scope}</span>`)}</div></div></td>
      <td role="cell" data-label="Last used"><div class="cell" title=${from}>${ago(key.last_used_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Expires"><div class="cell">${ago(key.expires_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${key.state === 'live' && this.#mayWrite ? html`<button type="button" class="icon-button" aria-label="Revoke ${key.name}" title="Revoke" @click=${() => this.#askRevoke(key)}>${icon('trash')}</button>` : nothing}</td>
    </tr>`;
  }

  #renderCreate() {
    const { subject, error, isBusy } = this.#create;
    if (subject === null) return nothing;
    return apiKeyForm({
      ...{ scopes: this.scopes, error, isBusy },
      onClose: () => this.#create.close(),
      onSubmit: (form) =>
        void this.#create.run(async () => {
          const params = this.#account;
          const body = apiKeyBody(form);
          this.#created =
            params === null
              ? await this.context.api.call('api_keys.create', { body })
              : await this.context.api.call('service_account_keys.create', { params, body });
          await this.#reload();
        }),
    });
  }

  #renderCreated(created: CreateApiKeyReply) {
    return dialog({
      heading: `${created.name} is ready`,
      isWide: true,
      onClose: () => {
        this.#created = null;
        this.requestUpdate();
      },
      body: html`
        <div class="callout tone-warn">${icon('alert')}<div><p>The key is not shown again. Copy it now.</p></div></div>
        <oc-copy-field label="API key" .text=${created.key}></oc-copy-field>
        <div class="field"><span class="label">Try it</span><oc-copy-field label="curl command" .text=${`curl -H 'Authorization: Bearer ${created.key}' ${window.location.origin}/api/v1/auth/me`}></oc-copy-field></div>`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }

  /** Tells whoever shows how many there are. */
  async #reload() {
    this.dispatchEvent(new CustomEvent('oc-keys-changed', { bubbles: true }));
    await this.#list.load();
  }

  #askRevoke(key: ApiKeyView) {
    this.#typedName = '';
    this.#revoke.open(key);
  }

  #type(typed: string) {
    this.#typedName = typed;
    this.requestUpdate();
  }

  #renderRevoke() {
    const { subject: key, error, isBusy } = this.#revoke;
    if (key === null) return nothing;
    return formDialog({
      heading: 'Revoke API key',
      submitLabel: 'Revoke',
      isDanger: true,
      isDisabled: this.#typedName !== key.name,
      isBusy,
      onClose: () => this.#revoke.close(),
      onSubmit: () =>
        void this.#revoke.run(async () => {
          const account = this.#account;
          if (account === null)
            await this.context.api.call('api_keys.revoke', { params: { key_id: key.id } });
          else {
            const params = { ...account, key_id: key.id };
            await this.context.api.call('service_account_keys.revoke', { params });
          }
          this.context.notices.say('success', `${key.name} is revoked.`);
          await this.#reload();
        }),
      body: html`${formError(error, [])}
        <p>Whatever uses it is refused at once, and nothing brings it back.</p>
        ${typedNameField(key.name, (typed) => this.#type(typed))}`,
    });
  }
}

customElements.define('oc-api-key-list', ApiKeyList);
declare global {
  interface HTMLElementTagNameMap {
    'oc-api-key-list': ApiKeyList;
  }
}
