// A context as Go clients declare it.
import { mapOf, strings, struct } from './shape.ts';

export const contextShape = struct('context.contextWithTLSListing', {
  Name: 'string',
  Metadata: 'any',
  Endpoints: mapOf('any'),
  TLSMaterial: mapOf(strings),
  Storage: struct('store.StorageInfo', { MetadataPath: 'string', TLSPath: 'string' }),
});
