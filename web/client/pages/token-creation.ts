/** Creating a token: the form, then the installer line and the wait for the first heartbeat. */
import { html, type LitElement, nothing, type ReactiveController, type TemplateResult } from 'lit';
import { type CreateTokenReply, DEVICE_TYPES, type LiveEvent } from '#web-api';
import '../components/copy-field.ts';
import { closeDialog, dialog, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { ApiError } from '../data/api-error.ts';
import { splitTags } from '../format/device-import.ts';
import { customExpirySeconds } from '../format/expiry.ts';
import { devicePath, PAGES } from '../state/addresses.ts';
import { type Arrival, arrive, isBeating } from '../state/arrivals.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { allows, organizationsAllowing } from '../state/session.ts';
import { GroupNames } from './group-names.ts';
import { type Expiry, tokenForm } from './token-form.ts';

const DEFAULT_EXPIRY_SECONDS = 3600;

export class TokenCreation implements ReactiveController {
  readonly #host: LitElement;
  readonly #context: () => ConsoleContext;
  readonly #onChanged: () => void;
  readonly #form: FormAction<true>;
  readonly #groups: GroupNames;
  /** Whose token it will be. */
  #organizationId: string | null = null;
  #expiry: Expiry = DEFAULT_EXPIRY_SECONDS;
  #expiryProblem: string | null = null;
  #created: CreateTokenReply | null = null;
  #arrivals: readonly Arrival[] = [];
  #releases: (() => void)[] = [];

  constructor(host: LitElement, options: { context: () => ConsoleContext; onChanged: () => void }) {
    this.#host = host;
    this.#context = options.context;
    this.#onChanged = options.onChanged;
    this.#form = new FormAction(host);
    this.#groups = new GroupNames(host, {
      context: options.context,
      organizationId: () => this.#organizationId,
    });
    host.addController(this);
  }

  hostConnected(): void {
    const { live } = this.#context();
    this.#releases = [
      live.onEvent((event) => void this.#take(event)),
      live.onResumed(() => void this.#catchUp()),
    ];
  }
  hostDisconnected(): void {
    for (const release of this.#releases) release();
    this.#created = null;
  }

  open(): void {
    this.#expiry = DEFAULT_EXPIRY_SECONDS;
    this.#expiryProblem = null;
    this.#form.open(true);
    const { session, organization } = this.#context();
    const organizations = organizationsAllowing(session.get(), 'token.write');
    this.#choose((organizations.find(({ id }) => id === organization.get()) ?? organizations[0])?.id ?? null);
  }

  #choose(organizationId: string | null): void {
    this.#organizationId = organizationId;
    if (organizationId === null || !allows(this.#context().session.get(), 'group.read', organizationId))
      return;
    this.#groups.load();
  }

  /** The installer line of a token that was made elsewhere. */
  show(created: CreateTokenReply): void {
    this.#arrivals = [];
    this.#created = created;
    this.#host.requestUpdate();
  }

  render(): TemplateResult | typeof nothing {
    if (this.#created !== null) return this.#renderCreated(this.#created);
    return this.#form.subject === null ? nothing : this.#renderForm();
  }

  #renderForm(): TemplateResult {
    const context = this.#context();
    return tokenForm({
      organizations: organizationsAllowing(context.session.get(), 'token.write'),
      organizationId: this.#organizationId,
      error: this.#form.error,
      isBusy: this.#form.isBusy,
      expiry: this.#expiry,
      expiryProblem: this.#expiryProblem,
      groups: this.#groups.all.filter(({ organization_id: owner }) => owner === this.#organizationId),
      onOrganization: (organizationId) => this.#choose(organizationId),
      onExpiry: (expiry) => {
        this.#expiry = expiry;
        this.#host.requestUpdate();
      },
      onClose: () => this.#form.close(),
      onSubmit: (form) => void this.#submit(form),
    });
  }

  #renderCreated(created: CreateTokenReply): TemplateResult {
    return dialog({
      heading: 'Run this on the machine',
      isWide: true,
      onClose: () => {
        this.#created = null;
        this.#host.requestUpdate();
      },
      body: html`
        <p>One line for a Linux shell, as root. It installs the agent and enrols the machine.</p>
        <oc-copy-field label="Installer command" .text=${created.install_command}></oc-copy-field>
        <details>
          <summary>Only the token</summary>
          <oc-copy-field label="Token" .text=${created.token}></oc-copy-field>
        </details>
        <p class="fine">The token is shown now and never again.</p>
        ${created.requires_approval ? html`<div class="callout">${icon('shield')}<div><p>The machine waits until somebody approves it under <a href=${PAGES.approvals}>Approvals</a>. It keeps asking while the token is valid.</p></div></div>` : nothing}
        ${this.#waiting(created)}`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }

  #waiting(created: CreateTokenReply): TemplateResult {
    const isHere = this.#arrivals.some((arrival) => arrival.isOnline);
    return html`<div class="waiting ${isHere ? 'is-here' : ''}" role="status">
      ${isHere ? icon('check') : html`<span class="pulse" aria-hidden="true"></span>`}
      <div>
        ${
          this.#arrivals.length === 0
            ? html`<b>Waiting for the first heartbeat…</b><div class="fine">This page notices by itself; you may also close it.</div>`
            : html`<ul class="arrivals">${this.#arrivals.map(
                (arrival) => html`<li>
                  <a href=${devicePath(arrival.deviceId)}>${arrival.name ?? 'New device'}</a>
                  ${arrival.isOnline ? html`<span class="pill tone-good">${icon('check')}First heartbeat is here</span>` : html`<span class="quiet">enrolled, waiting for its heartbeat…</span>`}
                </li>`,
              )}</ul>`
        }
        ${created.max_uses > 1 && this.#arrivals.length > 0 ? html`<div class="fine">${this.#arrivals.length} of ${created.max_uses} uses</div>` : nothing}
      </div>
    </div>`;
  }

  async #submit(form: FormData): Promise<void> {
    const context = this.#context();
    const seconds =
      this.#expiry === 'custom'
        ? customExpirySeconds(textOf(form, 'until') ?? '', context.clock.get())
        : this.#expiry;
    this.#expiryProblem = seconds === null ? 'Choose a time from one minute to one year ahead.' : null;
    if (seconds === null) {
      this.#host.requestUpdate();
      return;
    }
    const name = textOf(form, 'name');
    const tags = splitTags(textOf(form, 'tags') ?? '');
    const replaces = textOf(form, 'replaces_device_id');
    const networks = (textOf(form, 'allowed_networks') ?? '').split(/[\s,;]+/).filter(Boolean);
    const groupIds = form.getAll('group_ids').map(String);
    const type = DEVICE_TYPES.find((known) => known === textOf(form, 'device_type'));
    await this.#form.run(async () => {
      this.#arrivals = [];
      this.#created = await context.api.call('tokens.create', {
        body: {
          organization_id: textOf(form, 'organization_id') ?? '',
          max_uses: Number(textOf(form, 'max_uses') ?? '1'),
          expires_in_seconds: seconds,
          ...(name === null ? {} : { name }),
          ...(type === undefined ? {} : { device_type: type }),
          ...(tags.length === 0 ? {} : { tags }),
          ...(replaces === null ? {} : { replaces_device_id: replaces }),
          ...(form.get('requires_approval') === null ? {} : { requires_approval: true }),
          ...(networks.length === 0 ? {} : { allowed_networks: networks }),
          ...(groupIds.length === 0 ? {} : { group_ids: groupIds }),
        },
      });
      this.#onChanged();
    });
  }

  async #take(event: LiveEvent): Promise<void> {
    if (this.#created === null) return;
    const before = this.#arrivals;
    this.#arrivals = arrive(before, event, this.#created.id);
    if (this.#arrivals === before) return;
    this.#host.requestUpdate();
    // The beat may have come before the news of the token: ask, do not wait for the next change.
    await Promise.all(
      this.#arrivals.filter((arrival) => arrival.name === null).map(({ deviceId }) => this.#look(deviceId)),
    );
  }

  /** After a lost link the event may be gone; the token itself knows its last device. */
  async #catchUp(): Promise<void> {
    if (this.#created === null) return;
    const token = await this.#quietly(() =>
      this.#context().api.call('tokens.get', { params: { token_id: this.#created?.id ?? '' } }),
    );
    if (token?.last_device) await this.#look(token.last_device.id);
  }

  async #look(deviceId: string): Promise<void> {
    const device = await this.#quietly(() =>
      this.#context().api.call('devices.get', { params: { device_id: deviceId } }),
    );
    if (device === null) return;
    const isOnline =
      isBeating(device.observation) || this.#arrivals.some((a) => a.deviceId === deviceId && a.isOnline);
    this.#arrivals = [
      ...this.#arrivals.filter((arrival) => arrival.deviceId !== deviceId),
      { deviceId, name: device.device_name, isOnline },
    ];
    this.#host.requestUpdate();
  }

  /** A failed look is made good by the next event or the next reconnect. */
  async #quietly<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }
}
