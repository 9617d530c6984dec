"""docs/linkedin.md: its template is taken, its scopes are those that the code knows, its settings can be set."""

from __future__ import annotations

import json
import re
from pathlib import Path

from overture_core.linkedin.scopes import SCOPES
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_providers.endpoints import LINKEDIN_CALLBACK_PATH, LINKEDIN_LEADS_PATH, linkedin_endpoint
from overture_providers.linkedin.lead_forms import check_owner
from overture_providers.linkedin.posts import check_post

PAGE = (Path(__file__).parents[3] / "docs" / "linkedin.md").read_text()


def test_the_template_for_a_step_by_hand_can_be_saved(sqlite_store: Store) -> None:
    (example,) = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    with sqlite_store.begin("default", actor="test") as work:
        saved = templates.save(work, **{**example, "channel": Channel(example["channel"])})
    assert (saved.name, saved.channel) == ("hello-linkedin", Channel.LINKEDIN)


def test_the_table_of_products_is_what_the_code_says() -> None:
    rows = re.findall(r"^ +\| ([^|`]+?) \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    shown = {scope: product for product, scopes in rows for scope in re.findall(r"`(\w+)`", scopes)}
    assert shown == {each.name: each.product for each in SCOPES.values()}


def test_the_settings_of_the_page_reach_the_real_linkedin(tmp_path: Path) -> None:
    exported = dict(re.findall(r"export OVERTURE_(\w+)='?(.*?)'?$", PAGE, re.MULTILINE))
    values = {name.lower(): value for name, value in exported.items()}
    values["linkedin_scopes"] = json.loads(values["linkedin_scopes"])
    settings = Settings.model_validate({"data_dir": tmp_path, "_env_file": None, "sandbox_only": False, **values})
    endpoint = linkedin_endpoint(settings)
    assert (endpoint.sandbox, endpoint.base_url, endpoint.client_id) == (
        False,
        "https://api.linkedin.com",
        "86abcdefghijkl",
    )
    assert set(settings.linkedin_scopes) <= set(SCOPES)
    assert "WPL_AP1" not in repr(endpoint)


def test_the_paths_and_names_of_the_page_are_those_that_are_served_and_taken() -> None:
    assert f"http://127.0.0.1:8765{LINKEDIN_CALLBACK_PATH}" in PAGE
    assert f"`{LINKEDIN_LEADS_PATH}`" in PAGE
    (owner,) = set(re.findall(r"linkedin watch (\S+)", PAGE))
    (post,) = set(re.findall(r"--done (\S+)", PAGE))
    assert (check_owner(owner), check_post(post)) == (owner, post)
