'use strict';

// A full node on regtest, in memory: node start.js PORT PASSWORD [CHAIN]. Prints one line once it listens.
// Beside the node's own calls it knows `spendcoinbase HEIGHT FEE_SAT`: a payment for the next block, so that fees exist;
// and `abandon HEIGHT`: drop the blocks from there on, so that another branch can be mined.

process.env.NODE_BACKEND = 'js';

const {FullNode, KeyRing, MTX, Script} = require('bcoin');

const [port, password, network = 'regtest'] = process.argv.slice(2);

async function main() {
  const ring = KeyRing.fromPrivate(Buffer.alloc(32, 1), true);
  const node = new FullNode({
    network,
    memory: true,
    workers: false,
    listen: false,
    'http-port': Number(port),
    'api-key': password,
    coinbaseAddress: [ring.getAddress('string', network)]
  });

  node.rpc.add('spendcoinbase', async ([height, fee]) => {
    const block = await node.chain.getBlock(height);
    const tx = new MTX();
    tx.addTX(block.txs[0], 0, height);
    tx.addOutput(Script.fromAddress(ring.getAddress()), block.txs[0].outputs[0].value - fee);
    tx.sign(ring);
    await node.mempool.addTX(tx.toTX());
    return tx.txid();
  });

  node.rpc.add('abandon', async ([height]) => {
    await node.chain.reset(height - 1);
    node.mempool.tip = node.chain.tip.hash; // Else it refuses to mine.
    return node.chain.height;
  });

  await node.open();
  console.log(`listening on ${port}`);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
