"""The sources that are described by hand; pages register themselves on first use."""

from __future__ import annotations

from hashdesk.archive.common import Sources

_FACTS = "facts"


def described_sources() -> Sources:
    """Sources behind whole tables."""
    sources = Sources()
    add = sources.add
    add(
        "block-data",
        "Bitcoin block headers and subsidies, 2019-04-15 to 2026-05-15",
        "Bisq seed data, Electrum and bitcoinj checkpoints",
        "https://github.com/bisq-network/bisq",
        "facts of the public chain (compilations: MIT, Apache-2.0, AGPL-3.0)",
        "Every hash meets its target and every header points at the one before.",
    )
    add(
        "block-data-fees-coinmetrics",
        "Block headers and subsidies, with fees of the day from Coin Metrics by median time",
        "Bisq seed data; Coin Metrics community",
        "https://docs.coinmetrics.io",
        "facts of the public chain; fees CC BY-NC 4.0",
        "Block fees are missing for these days.",
    )
    add(
        "coinmetrics-community",
        "Coin Metrics community network data, daily",
        "Coin Metrics",
        "https://community-api.coinmetrics.io/v4",
        "CC BY-NC 4.0",
        "Used for prices, and for chain days before block data begin.",
    )
    add(
        "coinbase-minutes",
        "Coinbase BTC-USD, last minute of the UTC day",
        "Coinbase",
        "https://www.coinbase.com",
        _FACTS,
    )
    add(
        "bitstamp-minutes",
        "Bitstamp BTC/USD, last minute of the UTC day",
        "Bitstamp",
        "https://github.com/ff137/bitstamp-btcusd-minute-data",
        "facts (compilation GPL-3.0)",
    )
    add(
        "epoch-checkpoints",
        "First block of each difficulty epoch",
        "bitcoinj checkpoints and Bisq block data",
        "https://github.com/bitcoinj/bitcoinj",
        "facts of the public chain (compilation Apache-2.0)",
    )
    add(
        "epoch-retarget-estimate",
        "Epoch starts inferred from the retarget that followed",
        "own calculation",
        "",
        "own work",
        "The difficulty is exact; the time is an estimate.",
    )
    add(
        "screener-snapshots",
        "Daily snapshots of a US stock screener: last sale and market cap",
        "Nasdaq screener, snapshots by rreichel3",
        "https://github.com/rreichel3/US-Stock-Symbols",
        "facts; terms of the compilation not checked",
        "Last sale is the close of the day. Share counts are late, and sometimes in the wrong unit.",
    )
    add(
        "adjusted-closes",
        "Daily closes adjusted for splits and dividends",
        "Yahoo-type daily files, kept by dsturdy",
        "https://github.com/dsturdy/Factor_Attribution",
        "facts; no licence stated",
        "Used for funds, for days without a snapshot, and as a check of every other day.",
    )
    add(
        "universe-inference",
        "The tracked list, inferred from what the bank's notes say in public",
        "own judgement",
        "",
        "own work",
        "Counts of companies, best and worst performers and totals, 2024 to 2026.",
    )
    add(
        "corporate-actions",
        "Splits, unit changes and renames, read from the two price files and from company releases",
        "own reading",
        "",
        "own work",
    )
    add(
        "volumes-derived",
        "Volume of July 2025 from August's volume and its published change",
        "own calculation",
        "",
        "own work",
    )
    add(
        "farside-flows",
        "US spot bitcoin ETF flows by day",
        "Farside Investors, table kept by kittycapital",
        "https://github.com/kittycapital/btc-etf-dashboard",
        "facts; no licence stated",
    )
    add(
        "ibit-assets-estimate",
        "IBIT assets at month end: flows turned into shares at each close, times the close",
        "own calculation",
        "",
        "own work",
        "0.2% below the two share counts in the trust's reports of 2024.",
    )
    add(
        "etf-assets-51-funds",
        "Assets of about 50 ETFs on 2026-04-03",
        "isaergun",
        "https://github.com/isaergun/etf-flows-data",
        "facts; no licence stated",
    )
    add(
        "asic-list-cbeci",
        "Mining machines in the Cambridge bitcoin electricity index, to May 2020",
        "Cambridge Centre for Alternative Finance",
        "https://github.com/CambridgeAltFin/ccaf_cbeci_api",
        _FACTS,
    )
    add(
        "asic-list-f2pool",
        "F2Pool's list of devices, March 2020",
        "F2Pool, kept by mattk8",
        "https://github.com/mattk8/mining-data",
        _FACTS,
    )
    add(
        "asic-list-serpent",
        "Most efficient bitcoin miners, with specification pages",
        "SerpentXSF",
        "https://github.com/SerpentXSF/most-efficient-bitcoin-miner",
        _FACTS,
    )
    add(
        "asic-list-unsourced",
        "A list of machines without sources of its own",
        "marceloceccon",
        "https://github.com/marceloceccon/bitcoinmining",
        _FACTS,
        "Low confidence: some of its lines name machines that no maker lists.",
    )
    add(
        "sec-companyfacts",
        "Share counts on the covers of reports to the SEC",
        "SEC companyfacts, kept by Sashamine",
        "https://github.com/Sashamine/dat-tracker-next",
        "public filing",
    )
    add(
        "mining-pools-list",
        "Mining pools with the tags and addresses of their coinbases",
        "mempool",
        "https://github.com/mempool/mining-pools",
        "MIT",
    )
    return sources
