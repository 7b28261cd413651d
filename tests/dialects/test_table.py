"""What a partner reads of a dialect, made from its file."""

from pathlib import Path

import pytest

from app.dialects import parameter_tables, read_dialect
from tests.dialects.files import GOOD, bent, written
from tests.fixtures.dialects import built_in

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

## 已知差异
"""


def test_the_tables_are_those_of_the_partners_document() -> None:
    assert parameter_tables(built_in()["hex"], "zh").startswith(HEX_ZH)


@pytest.mark.parametrize(
    ("language", "heading", "title"), [("en", "Known quirks", "Answers in an envelope"), ("zh", "已知差异", "响应带有外层包装")]
)
def test_known_quirks_stand_behind_the_doors(language: str, heading: str, title: str) -> None:
    dialect = built_in()["open_platform"]
    (quirk,) = dialect.quirks.values()
    _, _, told = parameter_tables(dialect, language).partition(f"\n## {heading}\n\n")
    note = quirk.note["zh" if language == "zh" else "en"]
    assert told.splitlines()[2:] == [f"| {title} (`envelope`) | `envelope = rageframe` | {note} |"]


def test_a_dialect_without_quirks_tells_of_none() -> None:
    assert "quirks" not in parameter_tables(built_in()["youzan"], "en")


OPEN_PLATFORM_ZH = """\
## 先登录获取code

`GET /open/authorize/index` (response_type code)

| 参数名称 | 参数类型 | 是否必须 | 描述 |
| --- | --- | --- | --- |
| response_type | string | 是 | 固定填写 code |
| client_id | string | 是 | 客户端标识 |
| redirect_uri | string | 否 | 回调跳转Url，如果不填写则默认调用系统内填写的授权Url |
| scope | string | 否 | 授权获取信息类型 |
| state | string | 否 | CSRF令牌，原样返回 |

## implicit(简化模式)

`GET /open/implicit` (response_type token)

| 参数名称 | 参数类型 | 是否必须 | 描述 |
| --- | --- | --- | --- |
| response_type | string | 是 | 固定填写 token |
"""


def test_the_doors_of_browsers_are_those_of_the_partners_document() -> None:
    assert parameter_tables(built_in()["open_platform"], "zh").startswith(OPEN_PLATFORM_ZH)


def test_a_door_says_its_methods_and_its_own_words() -> None:
    tables = parameter_tables(built_in()["standard"], "en")
    served = "code, id_token, id_token token, code id_token, code token, code id_token token"
    assert f"## Authorization endpoint\n\n`GET /authorize`, `POST /authorize` (response_type {served})\n" in tables
    assert "| redirect_uri | string | no | One that is registered, exactly; may be left out where there is only one |" in tables
    assert "| redirect_uri | string | no | The same as in the authorization request, if it was sent there |" in tables


def test_a_grant_is_named_by_the_word_that_is_sent() -> None:
    tables = parameter_tables(built_in()["youzan"], "en")
    assert "### Initial token, or token of a shop (`authorize_platform`)\n" in tables
    assert "| kdt_id | Number | no | Id of the shop |" in tables
    assert "| kdt_id | Number | yes | Id of the shop |" in tables


def test_a_door_that_gives_no_tokens_has_no_grants() -> None:
    tables = parameter_tables(built_in()["standard"], "en")
    assert "\n`POST /revoke` (application/x-www-form-urlencoded)\n\n## " in tables


@pytest.mark.parametrize("dialect", ["standard", "fantem", "hex", "open_platform", "youzan"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_dialect_has_its_document_in_every_language(dialect: str, language: str) -> None:
    loaded = built_in()[dialect]
    tables = parameter_tables(loaded, language)
    assert tables.count("\n`POST ") == len(loaded.doors)
    assert tables.count("(response_type ") == len(loaded.authorization_doors)
    named = [(table.required, table.optional) for table in loaded.grants.values()]
    named += [(table.required, table.optional) for table in loaded.authorization_doors]
    for name in {name for required, optional in named for name in (*required, *optional)}:
        assert f"| {name} |" in tables


def test_without_words_of_its_own_a_door_and_a_grant_are_called_by_their_names(tmp_path: Path) -> None:
    tables = parameter_tables(read_dialect(written(tmp_path, GOOD)), "en")
    assert "## /mini/token\n" in tables
    assert "### client_credentials (`client_credentials`)\n" in tables
    assert "| client_id | string | yes |  |" in tables


def test_words_in_one_language_serve_for_all(tmp_path: Path) -> None:
    content = bent("parameters", "client_id", "description", to={"zh": "应用"})
    assert "| client_id | string | yes | 应用 |" in parameter_tables(read_dialect(written(tmp_path, content)), "en")
