// The C library of Alpine's images, and a compiler small enough to fetch: the tests ask for names through it.
import { ensureUnpacked } from './unpacked-packages.mjs';

export const ensureMusl = () => ensureUnpacked('musl', ['musl-dev', 'tcc'], 'another C library for the tests');
