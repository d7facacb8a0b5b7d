export async function run(args: string[]): Promise<number> {
  console.log('dockerd', args);
  return 0;
}
