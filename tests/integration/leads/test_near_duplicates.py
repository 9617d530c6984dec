"""Leads who may be one person are reported, and stay two."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from overture_core.leads.duplicates import Duplicates, LookAlikes, near_duplicates
from overture_core.leads.imports import ImportReport
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]


def test_the_same_name_at_one_company_or_domain_is_reported_and_not_merged(
    store: Store, take: Import, other: str
) -> None:
    take(
        "first name,last name,email,company\n"
        "Ada,Byron,ada@quill.test,Quill\nAda,Moss,am@gmail.com,\nEve,Hill,e@c.test,\nBob,,b@quill.test,Quill\n"
    )
    take("first name,last name,email,company\nAda,Byron,ada@x.test,Quill\n", workspace=other)
    report = take(
        "first name,last name,email,company\n"
        "ADA,byron,a.byron@other.test, QUILL \nAda,Moss,am2@gmail.com,\n"
        "EVE,Hill,eve@c.test,\nBob,,bob@quill.test,Quill\n"
    )
    with store.read("default") as work:
        ids = {email: id_ for email, id_ in work.session.execute(select(Lead.email, Lead.id)) if email}
        found = near_duplicates(work)
    pairs = [
        LookAlikes(
            name="ada byron",
            same="company",
            value="quill",
            leads=2,
            lead_ids=[ids["ada@quill.test"], ids["a.byron@other.test"]],
        ),
        LookAlikes(
            name="eve hill", same="domain", value="c.test", leads=2, lead_ids=[ids["e@c.test"], ids["eve@c.test"]]
        ),
    ]
    assert found == Duplicates(total=2, groups=pairs)
    assert report.created == 4
    assert report.warnings == [
        f"2 groups of leads look alike, such as {pairs[0].lead_ids[0]} and {pairs[0].lead_ids[1]}; nothing was merged, "
        "`overture duplicates` lists them"
    ]
