export async function run(args: string[]): Promise<number> {
  console.log('docker', args);
  return 0;
}
