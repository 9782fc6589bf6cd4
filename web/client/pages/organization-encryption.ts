/** Encryption at rest: data keys of an organisation, the master key for system admins, and how far rotations are. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import type { EncryptionView, MasterKeyView } from '#web-api';
import { formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';
import './organization-secrets.ts';

type Key = EncryptionView['keys'][number];
/** While a rotation is under way. */
const REFRESH_MS = 2000;
const STATE_LABELS: Readonly<Record<Key['state'], string>> = {
  active: 'Active',
  retiring: 'Being replaced',
  retired: 'Retired',
  destroyed: 'Destroyed',
};
const PROVIDER_LABELS: Readonly<Record<Key['provider'], string>> = {
  local: 'Key file',
  vault: 'Vault',
  'aws-kms': 'AWS KMS',
};

export class OrganizationEncryption extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
  };
  declare organizationId: string;
  readonly #keys = new Resource<EncryptionView>(this, (signal) =>
    this.context.api.call('encryption.get', { params: { organization_id: this.organizationId }, signal }),
  );
  readonly #master = new Resource<MasterKeyView>(this, (signal) =>
    this.context.api.call('encryption.master', { signal }),
  );
  readonly #rotate = new FormAction<'data' | 'master'>(this);

  get #seesMaster(): boolean {
    return this.can('encryption.master', null);
  }

  protected override open() {
    this.#load();
    const timer = setInterval(() => {
      if (this.#keys.value?.rotation) void this.#keys.load();
      if (this.#master.value?.rotation) void this.#master.load();
    }, REFRESH_MS);
    return [() => clearInterval(timer)];
  }

  #load() {
    void this.#keys.load();
    if (this.#seesMaster) void this.#master.load();
  }

  override render() {
    const { context, location, organizationId } = this;
    return html`
      ${
        this.can('secret.read', organizationId)
          ? html`<oc-organization-secrets .context=${context} .location=${location} .organizationId=${organizationId} .providers=${this.#keys.value?.secret_providers ?? null}></oc-organization-secrets>`
          : nothing
      }
      <section class="card table-card" aria-label="Encryption at rest">
        <div class="card-head"><h2>Encryption at rest</h2>
          ${this.can('encryption.rotate', organizationId) ? html`<button type="button" class="button small" @click=${() => this.#rotate.open('data')}>${icon('refresh')}Rotate the data key</button>` : nothing}
        </div>
        ${this.#content()}
      </section>
      ${this.#seesMaster ? this.#renderMaster() : nothing} ${this.#renderRotate()}`;
  }

  #content() {
    const { value, error } = this.#keys;
    if (value === null) {
      return error === null ? skeletonRows(3, 'Loading keys') : errorState(error, () => this.#load());
    }
    if (value.keys.length === 0) {
      return emptyState({
        icon: 'shield',
        title: 'No data key yet',
        text: 'One is made with the first secret or configuration of this organisation.',
      });
    }
    return html`
      ${progress('rows', 'Rows sealed again', value.rotation)}
      <table class="table auto" role="table" aria-label="Data keys">
        <thead role="rowgroup">
          <tr role="row"><th role="columnheader" scope="col">Key</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Wrapped by</th><th role="columnheader" scope="col">Rows</th><th role="columnheader" scope="col">Made</th></tr>
        </thead>
        <tbody role="rowgroup">${value.keys.map((key) => this.#row(key))}</tbody>
      </table>`;
  }

  #row(key: Key) {
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>Version ${key.version}</b><div class="fine mono">${key.id}</div></div></td>
      <td role="cell" data-label="State"><div class="cell"><span class="tag">${STATE_LABELS[key.state]}</span></div></td>
      <td role="cell" data-label="Wrapped by"><div class="cell">${PROVIDER_LABELS[key.provider]}</div></td>
      <td role="cell" data-label="Rows"><div class="cell">${key.rows.toLocaleString()}</div></td>
      <td role="cell" data-label="Made"><div class="cell">${ago(key.created_at, this.nowMs)}</div></td>
    </tr>`;
  }

  #renderMaster() {
    const { value, error } = this.#master;
    return html`<section class="card" aria-label="Master key">
      <div class="card-head"><h2>Master key of the installation</h2>
        <button type="button" class="button small" @click=${() => this.#rotate.open('master')}>${icon('refresh')}Rotate the master key</button>
      </div>
      ${
        value === null
          ? error === null
            ? skeletonRows(2, 'Loading the master key')
            : errorState(error, () => this.#load())
          : html`<p class="card-body">${PROVIDER_LABELS[value.provider]}, generation ${value.generation}${value.rotated_at === null ? nothing : html` <span class="fine">rotated ${ago(value.rotated_at, this.nowMs)} by ${value.rotated_by}</span>`}</p>
            ${progress('keys', 'Data keys wrapped again', value.rotation)}`
      }
    </section>`;
  }

  #renderRotate() {
    const kind = this.#rotate.subject;
    if (kind === null) return nothing;
    return formDialog({
      heading: kind === 'data' ? 'Rotate the data key' : 'Rotate the master key',
      submitLabel: 'Rotate',
      isBusy: this.#rotate.isBusy,
      onClose: () => this.#rotate.close(),
      onSubmit: () => void this.#run(kind),
      body: html`${formError(this.#rotate.error, [])}
        <p>${
          kind === 'data'
            ? 'A new key seals from now on, and everything of this organisation is sealed again in the background. All of it stays readable meanwhile.'
            : 'A new master key wraps from now on, and the data keys of all organisations are wrapped again in the background. Nothing has to be stopped.'
        }</p>`,
    });
  }

  async #run(kind: 'data' | 'master') {
    await this.#rotate.run(async () => {
      const { api, notices } = this.context;
      if (kind === 'master') this.#master.put(await api.call('encryption.rotate_master', {}));
      else {
        const params = { organization_id: this.organizationId };
        this.#keys.put(await api.call('encryption.rotate', { params }));
      }
      notices.say('success', 'The rotation has begun.');
    });
  }
}

/** How much is done; nothing where no rotation is under way. */
const progress = (name: string, label: string, rotation: EncryptionView['rotation']) =>
  rotation === null
    ? nothing
    : html`<div class="progress" role="status">
        <label for=${`progress-${name}`}>${label}: ${(rotation.total - rotation.left).toLocaleString()} of ${rotation.total.toLocaleString()}</label>
        <progress id=${`progress-${name}`} max=${Math.max(1, rotation.total)} .value=${rotation.total === 0 ? 1 : rotation.total - rotation.left}></progress>
      </div>`;

customElements.define('oc-organization-encryption', OrganizationEncryption);
declare global {
  interface HTMLElementTagNameMap {
    'oc-organization-encryption': OrganizationEncryption;
  }
}
