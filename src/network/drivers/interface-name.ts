// What the kernel takes for the name of an interface: its own refusal would come late, and say nothing.

/** Behind "all" and "default" are the settings of interfaces that are still to come. */
const OTHERWISE_USED = ['', '.', '..', 'all', 'default'];

export const INTERFACE_NAME_RULE =
  "at most 15 characters, without white space, '/', ':' and '%', and none of 'lo', 'all' and 'default'";

export const isInterfaceName = (name: string) =>
  Buffer.byteLength(name) <= 15 && !/[\s/:%]/.test(name) && !OTHERWISE_USED.includes(name);
