// All that one registry holds.
import { Blobs } from './blobs.ts';
import { type Layout, openLayout } from './layout.ts';
import { Manifests } from './manifests.ts';
import { Uploads } from './uploads.ts';

export class RegistryStore implements Disposable {
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly uploads: Uploads;
  readonly #lock: Disposable;

  constructor(root: string) {
    const layout = openLayout(root);
    this.#lock = layout;
    this.layout = layout;
    this.blobs = new Blobs(layout);
    this.manifests = new Manifests(layout, this.blobs);
    this.uploads = new Uploads(layout, this.blobs);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}
