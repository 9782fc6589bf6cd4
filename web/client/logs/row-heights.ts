/** Heights of the rows of a long list: which row stands where, without any of them in the page. Pure. */

/** All changes of the count cost O(n) on plain numbers: 100,000 rows take well under a millisecond. */
export class RowHeights {
  #usualPx: number;
  /** Only rows of another height than usual. */
  #unusual = new Map<number, number>();
  #sums: Float64Array<ArrayBuffer> | null = null;
  #count = 0;

  constructor(usualPx: number) {
    this.#usualPx = usualPx;
  }

  get count(): number {
    return this.#count;
  }

  get usualPx(): number {
    return this.#usualPx;
  }

  get totalPx(): number {
    return this.offsetOf(this.#count);
  }

  heightOf(index: number): number {
    return this.#unusual.get(index) ?? this.#usualPx;
  }

  /** Forgets every measured height. */
  reset(usualPx: number): void {
    this.#usualPx = usualPx;
    this.#unusual.clear();
    this.#sums = null;
  }

  /** `removedBefore` rows went and `addedBefore` came at the beginning; the rest of the change is at the end. */
  change(count: number, removedBefore = 0, addedBefore = 0): void {
    const shift = addedBefore - removedBefore;
    if (shift !== 0 || count < this.#count) {
      const moved = new Map<number, number>();
      for (const [index, px] of this.#unusual) {
        if (index >= removedBefore && index + shift < count) moved.set(index + shift, px);
      }
      this.#unusual = moved;
    }
    if (count !== this.#count || shift !== 0) this.#sums = null;
    this.#count = count;
  }

  /** True where this changes anything. */
  set(index: number, px: number): boolean {
    if (this.heightOf(index) === px) return false;
    if (px === this.#usualPx) this.#unusual.delete(index);
    else this.#unusual.set(index, px);
    this.#sums = null;
    return true;
  }

  /** Top edge of a row; of `count`, the bottom of the list. */
  offsetOf(index: number): number {
    if (this.#unusual.size === 0) return index * this.#usualPx;
    return this.#offsets()[index] ?? 0;
  }

  /** The row in which this offset lies; the nearest one outside. */
  indexAt(offsetPx: number): number {
    if (this.#count === 0) return 0;
    if (this.#unusual.size === 0) return clamp(Math.floor(offsetPx / this.#usualPx), 0, this.#count - 1);
    const offsets = this.#offsets();
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((offsets[middle] ?? 0) <= offsetPx) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #offsets(): Float64Array<ArrayBuffer> {
    if (this.#sums !== null) return this.#sums;
    const sums = new Float64Array(this.#count + 1);
    let sum = 0;
    for (let index = 0; index < this.#count; index += 1) {
      sums[index] = sum;
      sum += this.#unusual.get(index) ?? this.#usualPx;
    }
    sums[this.#count] = sum;
    this.#sums = sums;
    return sums;
  }
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
