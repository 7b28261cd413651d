"""What a partner reads of a dialect, made from its file."""

from pathlib import Path

import pytest

from app.dialects import load_dialects, parameter_tables, read_dialect
from tests.dialects.files import GOOD, bent, written

HEX_ZH = """\
## 获取token

`POST /third_party/oauth2/token` (application/json)

### 获取token

| 参数名称 | 参数类型 | 是否必须 | 描述 |
| --- | --- | --- | --- |
| client_id | string | 是 | 客户 ID |
| client_secret | string | 是 | 客户密钥 |
| store_id | string | 是 | 门店编码 |
| client_name | string | 否 | 客户名称 |

## token续期

`POST /third_party/oauth2/token/refresh` (application/json)

### token续期

| 参数名称 | 参数类型 | 是否必须 | 描述 |
| --- | --- | --- | --- |
| Authorization | header | 是 | Bearer $access_token |
| refresh_token | string | 是 | 刷新token |
"""


def test_the_tables_are_those_of_the_partners_document() -> None:
    assert parameter_tables(load_dialects()["hex"], "zh") == HEX_ZH


def test_a_grant_is_named_by_the_word_that_is_sent() -> None:
    tables = parameter_tables(load_dialects()["youzan"], "en")
    assert "### Initial token, or token of a shop (`authorize_platform`)\n" in tables
    assert "| kdt_id | Number | no | Id of the shop |" in tables
    assert "| kdt_id | Number | yes | Id of the shop |" in tables


def test_a_door_that_gives_no_tokens_has_no_grants() -> None:
    tables = parameter_tables(load_dialects()["standard"], "en")
    assert tables.endswith("`POST /revoke` (application/x-www-form-urlencoded)\n")


@pytest.mark.parametrize("dialect", ["standard", "fantem", "hex", "open_platform", "youzan"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_dialect_has_its_document_in_every_language(dialect: str, language: str) -> None:
    loaded = load_dialects()[dialect]
    tables = parameter_tables(loaded, language)
    assert tables.count("\n`POST ") == len(loaded.doors)
    assert tables.count("(response_type ") == len(loaded.authorization_doors)
    for name in {name for grant in loaded.grants.values() for name in (*grant.required, *grant.optional)}:
        assert f"| {name} |" in tables


def test_without_words_of_its_own_a_door_and_a_grant_are_called_by_their_names(tmp_path: Path) -> None:
    tables = parameter_tables(read_dialect(written(tmp_path, GOOD)), "en")
    assert "## /mini/token\n" in tables
    assert "### client_credentials (`client_credentials`)\n" in tables
    assert "| client_id | string | yes |  |" in tables


def test_words_in_one_language_serve_for_all(tmp_path: Path) -> None:
    content = bent("parameters", "client_id", "description", to={"zh": "应用"})
    assert "| client_id | string | yes | 应用 |" in parameter_tables(read_dialect(written(tmp_path, content)), "en")
