/** The Logs tab of a device: live tail and history (SD-U6). */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { type DeviceDetail, ROUTES } from '#web-api';
import { copyText } from '../components/clipboard.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { addressOf } from '../data/api.ts';
import { openDeviceStream } from '../data/device-stream.ts';
import { count } from '../format/quantity.ts';
import { dateTime } from '../format/time.ts';
import { type BookChange, type LogLine, MAX_LINES } from '../logs/log-book.ts';
import '../logs/log-list.ts';
import type { LogList } from '../logs/log-list.ts';
import { LogReader, REPLAY_LINES } from '../logs/log-reader.ts';
import { visibleText } from '../logs/log-text.ts';
import { logToolbar } from '../logs/log-toolbar.ts';
import {
  isLogFiltered,
  isSameSearch,
  type LogViewState,
  logQuery,
  lowestLevel,
  readLogView,
  writeLogView,
} from '../logs/log-view.ts';
import { deviceTabPath } from '../state/addresses.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';

const SEARCH_DEBOUNCE_MS = 300;
const EXPORT_HOURS = 24;

export class DeviceLogs extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    device: { attribute: false },
  };
  declare device: DeviceDetail;
  readonly #services = new Resource<readonly string[]>(this, async (signal) => {
    const params = { device_id: this.device.id };
    return (await this.context.api.call('logs.services', { params, signal })).items;
  });
  readonly #reader = new LogReader(this, {
    fetch: (place, signal) =>
      this.context.api.call('logs.device', {
        params: { device_id: this.device.id },
        query: { ...logQuery(this.#view), ...place },
        signal,
      }),
    watch: (on) =>
      openDeviceStream({
        address: this.#streamAddress(),
        open: this.context.openStream,
        random: Math.random,
        ...on,
      }),
    onChange: (change) => this.#changed(change),
    onReset: () => {
      this.#unseen = 0;
      this.#list?.reset();
    },
  });
  #view: LogViewState = readLogView(new URLSearchParams());
  #unseen = 0;
  #search: ReturnType<typeof setTimeout> | undefined;

  get #list(): LogList | null {
    return this.querySelector('oc-log-list');
  }

  protected override open() {
    this.#view = readLogView(this.location.search);
    void this.#services.load();
    void this.#start();
    return [
      this.context.live.onEvent((event) => {
        if (event.kind === 'devices.seen' && event.device_ids.includes(this.device.id)) this.#reader.heard();
      }),
      this.context.live.onResumed(() => void this.#reader.catchUp()),
      () => clearTimeout(this.#search),
    ];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (!changed.has('location') || changed.get('location') === undefined) return;
    const view = readLogView(this.location.search);
    const isSame = isSameSearch(view, this.#view);
    this.#view = view;
    if (!isSame) void this.#start();
  }

  override render() {
    return html`
      <section class="card log-card" aria-label="Logs">
        ${logToolbar({
          view: this.#view,
          services: this.#services.value ?? [],
          tail: this.#reader.tail,
          isPaused: this.#reader.isPaused,
          exports: this.#exports(),
          onSearch: (text) => {
            clearTimeout(this.#search);
            this.#search = setTimeout(() => this.#show({ text, at: '', line: '' }), SEARCH_DEBOUNCE_MS);
          },
          onChange: (change) => this.#show(change),
          onPause: (isPaused) => this.#reader.pause(isPaused),
        })}
        ${this.#content()}
      </section>`;
  }

  #content() {
    const { book, error, isLoading, skipped } = this.#reader;
    const isEmpty = book.lines.length === 0;
    if (isEmpty && isLoading) return skeletonRows(8, 'Loading log lines');
    if (isEmpty && error !== null) return errorState(error, () => void this.#start());
    return html`
      <div class="log-stage">
        ${isEmpty ? this.#empty() : nothing}
        <oc-log-list
          ?hidden=${isEmpty}
          .isWrapped=${this.#view.isWrapped}
          .markedId=${this.#view.line}
          @oc-older=${() => void this.#reader.older()}
          @oc-newer=${() => void this.#reader.newer()}
          @oc-follow=${this._follow}
          @oc-copy=${(event: CustomEvent<LogLine>) => void this.#copyLine(event.detail)}
          @oc-link=${(event: CustomEvent<LogLine>) => void this.#copyLink(event.detail)}
        ></oc-log-list>
        ${this.#unseen > 0 ? html`<button type="button" class="button primary small log-new" @click=${() => this.#list?.follow()}>${icon('arrow-down')}${count(this.#unseen, 'new line')}</button>` : nothing}
      </div>
      <div class="table-foot">
        <span>${count(book.lines.length, 'line')} loaded${book.lines.length >= MAX_LINES ? ', the most that are held' : this.#reader.hasOlder ? '' : ', from the beginning'}${skipped > 0 ? `; ${count(skipped, 'line')} left out of the stream` : ''}</span>
        ${error === null ? nothing : html`<span class="error-text" role="alert">${icon('alert')}${error.message}</span>`}
        ${this.#reader.isLoadingOlder ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}
        ${this.#searched()}
      </div>`;
  }

  #searched() {
    const until = this.#reader.searchedUntil;
    return html`<span role="status">${until === null ? nothing : `Searched back to ${dateTime(until.toISOString())}; searching on`}</span>`;
  }

  #empty() {
    if (this.#reader.searchedUntil !== null)
      return emptyState({ icon: 'search', title: 'Searching', text: 'No line matches so far.' });
    return isLogFiltered(this.#view)
      ? emptyState({
          icon: 'search',
          title: 'No line matches',
          text: 'Try fewer words, more levels, or another time. Lines that are streamed and match show up here.',
        })
      : emptyState({
          icon: 'list',
          title: 'No log lines yet',
          text: 'The agent ships what journald, files and containers write. The first lines show up here by themselves.',
        });
  }

  async #start() {
    const marked = await this.#reader.start(this.#view);
    if (marked === null && this.#view.at === '') return;
    await this.updateComplete;
    const atMs = Date.parse(this.#view.at);
    const line = marked ?? this.#reader.book.lines.findLast((shown) => shown.atMs <= atMs);
    if (line !== undefined) this.#list?.reveal(line);
  }

  #changed(change: BookChange) {
    const list = this.#list;
    if (list !== null && !list.isFollowing) this.#unseen += change.addedAfter;
    this.requestUpdate();
    // The first lines come before the list stands in the page.
    if (list !== null) list.show(this.#reader.book.lines, change);
    else void this.updateComplete.then(() => this.#list?.show(this.#reader.book.lines, change));
  }

  private _follow = (event: CustomEvent<boolean>) => {
    if (event.detail) this.#unseen = 0;
    this.requestUpdate();
  };

  #show(change: Partial<LogViewState>) {
    clearTimeout(this.#search);
    const address = deviceTabPath(this.device.id, 'logs') + writeLogView({ ...this.#view, ...change });
    this.context.router.go(address, { replace: true });
  }

  #streamAddress(): string {
    const level = lowestLevel(this.#view);
    return addressOf(ROUTES['live.stream'].path, {
      params: { device_id: this.device.id },
      query: { stream: 'logs', replay: REPLAY_LINES, ...(level === undefined ? {} : { min_level: level }) },
    });
  }

  #exports() {
    const from = new Date(Math.floor(this.nowMs / 60_000) * 60_000 - EXPORT_HOURS * 3_600_000).toISOString();
    const query = { from, ...logQuery(this.#view), device_ids: this.device.id };
    return (['csv', 'ndjson'] as const).map((format) => ({
      label: format === 'csv' ? 'CSV' : 'NDJSON',
      href: addressOf(ROUTES['logs.export'].path, { query: { ...query, format } }),
    }));
  }

  async #copyLine(line: LogLine) {
    const { timestamp, log_level, service_name, message } = line.record;
    await this.#copy(
      `${timestamp} ${log_level} ${visibleText(service_name)}: ${visibleText(message)}`,
      'The line',
    );
  }

  /** A streamed line is named by its place in the database as soon as it is there. */
  async #copyLink(line: LogLine) {
    if (line.id === null) await this.#reader.catchUp();
    const known = this.#reader.book.lines.find((shown) => shown.key === line.key) ?? line;
    const address = writeLogView({
      ...readLogView(new URLSearchParams()),
      at: new Date(known.atMs).toISOString(),
      line: known.id ?? '',
    });
    await this.#copy(
      `${window.location.origin}${deviceTabPath(this.device.id, 'logs')}${address}`,
      'The link',
    );
  }

  async #copy(text: string, what: string) {
    if (await copyText(text)) this.context.notices.say('success', `${what} is in the clipboard.`);
    else this.context.notices.say('danger', 'The browser does not let this page copy.');
  }
}

customElements.define('oc-device-logs', DeviceLogs);
declare global {
  interface HTMLElementTagNameMap {
    'oc-device-logs': DeviceLogs;
  }
}
