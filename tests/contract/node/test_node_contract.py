"""Recorded answers of Bitcoin Core and of bcoin, read by the parsers of the node source."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hashdesk.chain.headers import parse_block
from hashdesk.chain.rules import chain_rules
from hashdesk.errors import PayloadError
from hashdesk.sources.chain_tables import Contents
from hashdesk.sources.node_blocks import parse_contents, parse_hash, parse_header_hex, parse_stats
from hashdesk.sources.node_rpc import Call, RpcError, parse_results

FOLDER = Path(__file__).resolve().parent
REGTEST = chain_rules("regtest")


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("at", [0, 1])
def test_a_whole_block_gives_the_fees_that_core_s_own_statistics_give(at: int) -> None:
    core = recorded("core_blocks")
    stats = core["stats"][at]
    height, block_hash = stats["height"], stats["blockhash"]
    by_stats = parse_stats(stats, height, block_hash, REGTEST)
    by_block = parse_contents(core["blocks"][str(height)], height, block_hash, REGTEST)
    assert (by_block.fees_sat, by_block.tx_count) == (by_stats.fees_sat, by_stats.tx_count)
    assert by_stats.fees_sat == (3_740, 56_860)[at]


def test_weight_is_that_of_core_plus_header_count_and_coinbase() -> None:
    """BIP 141: header and count weigh 4 a byte; both coinbases have 146 bytes without their witness and 182 with it."""
    core = recorded("core_blocks")
    for stats in core["stats"]:
        block = parse_block(bytes.fromhex(core["blocks"][str(stats["height"])]))
        coinbase = 3 * 146 + 182
        assert block.weight == stats["total_weight"] + 4 * 81 + coinbase


def test_bcoin_s_batch_is_read_call_by_call() -> None:
    answers = recorded("bcoin_batch")
    calls = [Call(answer["id"], answer["id"].split()[0]) for answer in answers]
    info, block_hash, header, block, stats, above = parse_results(json.dumps(answers[::-1]).encode(), calls)
    assert info["chain"] == "regtest" and info["blocks"] == 106
    assert parse_hash(block_hash, 106) == info["bestblockhash"]
    assert parse_header_hex(header, 106).hash == block_hash
    assert parse_contents(block, 106, block_hash, REGTEST) == Contents(
        12_345, 2, parse_block(bytes.fromhex(block)).weight
    )
    assert isinstance(stats, RpcError) and stats.code == -32601
    assert isinstance(above, RpcError) and above.code == -8


def test_a_coinbase_below_the_subsidy_leaves_the_fees_unknown() -> None:
    core = recorded("core_blocks")
    stats = core["stats"][0]
    generous = type(REGTEST)("regtest", REGTEST.genesis_hash, halving_blocks=10**6)
    assert parse_contents(core["blocks"]["102"], 102, stats["blockhash"], generous).fees_sat == 3_740
    greedy = type("Rules", (), {"subsidy_sat": staticmethod(lambda height: 6_000_000_000)})()
    assert parse_contents(core["blocks"]["102"], 102, stats["blockhash"], greedy) == Contents(None, 2, 1_692)


@pytest.mark.parametrize(
    "change",
    [{"totalfee": None}, {"totalfee": -1}, {"txs": True}, {"height": 101}, {"blockhash": "0" * 64}, {"subsidy": 50.0}],
)
def test_statistics_that_say_something_odd_are_refused(change: dict[str, object]) -> None:
    stats = recorded("core_blocks")["stats"][0]
    with pytest.raises(PayloadError, match="getblockstats 102: expected"):
        parse_stats({**stats, **change}, 102, stats["blockhash"], REGTEST)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b"[1]", b'[{"id": "a"}]', b'[{"id": "b", "result": 1}]', b'[{"id": "a", "error": "no"}]', b'"x"'],
)
def test_what_is_no_json_rpc_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match=r"^node: expected"):
        parse_results(body, [Call("a", "a")])


def test_one_error_for_the_whole_batch_is_every_call_s_error() -> None:
    body = b'{"result": null, "error": {"code": -28, "message": "Loading block index..."}, "id": null}'
    assert parse_results(body, [Call("a", "a"), Call("b", "b")]) == [RpcError(-28, "Loading block index")] * 2


def test_every_recording_says_where_it_comes_from() -> None:
    origins = tomllib.loads((FOLDER / "origin.toml").read_text(encoding="utf-8"))
    assert {path.stem for path in FOLDER.glob("*.json")} == origins.keys()
