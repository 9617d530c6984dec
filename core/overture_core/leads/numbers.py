"""Plain phone numbers, as nearly all in a list are, without the whole of phonenumbers, which takes much longer.

Everything here answers as the library does, with the library's own data, or says that it does not know; then the
library is asked. Tests hold the two against each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType, is_number_type_geographical
from phonenumbers.phonemetadata import PhoneNumberDesc
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

_PLAIN = re.compile(r"\+?[0-9](?:[ ().-]{0,2}[0-9]){5,16}")
_NO_DIGITS = str.maketrans("", "", " ().-+")
_WORLD = "001"  # what numbers of no country have for a region

_Desc = tuple[frozenset[int], re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class _Region:
    """What is needed of a region's metadata; `types` has kinds of number and their patterns in the library's order."""

    calling_code: str
    lengths: frozenset[int]
    general: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    plain_prefix: bool
    going_out: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    types: tuple[tuple[int, _Desc], ...]
    fixed: _Desc | None
    mobile: _Desc | None
    same_patterns: bool


def plain_e164(text: str, country: str | None) -> str | None:
    """Return a number in E.164, or None where only the library can tell whether it is one; `country` is upper case."""
    if not _PLAIN.fullmatch(text):
        return None
    digits = text.translate(_NO_DIGITS)
    if text[0] == "+":
        code = _code_in(digits[:3])
        main = _main_region(code) if code else None
        if main is None or code is None:
            return None
        national = digits[len(code) :]
        unclear = national[:1] == "0" or (main.prefix is not None and main.prefix.match(national))
        return f"+{digits}" if not unclear and len(national) in main.lengths else None
    region = _region(country) if country else None
    if region is None:
        return None
    dialled = _national(digits, region)
    return f"+{region.calling_code}{dialled}" if dialled is not None else None


def _national(digits: str, region: _Region) -> str | None:
    """Return a number dialled at home without the prefix that is dialled before it, None where that is not plain."""
    if digits.startswith(region.calling_code) or (region.going_out is not None and region.going_out.match(digits)):
        return None
    main = _main_region(region.calling_code)
    if main is None or main.lengths != region.lengths:
        return None
    dialled = region.prefix.match(digits) if region.prefix is not None else None
    if dialled is not None:
        rest = digits[dialled.end() :]
        general = region.general
        if not region.plain_prefix or general is None or general.fullmatch(digits) or not general.fullmatch(rest):
            return None
        digits = rest
    return digits if digits[:1] != "0" and len(digits) in region.lengths else None


def plain_zones(number: str) -> tuple[str, ...] | None:
    """Return the time zones of a number in E.164, none for one that is in nobody's range; None: ask the library."""
    digits = number[1:]
    code = _code_in(digits[:3])
    main = _main_region(code) if code else None
    if code is None or main is None:
        return None
    national = digits[len(code) :]
    if national[:1] == "0" or (main.prefix is not None and main.prefix.match(national)):
        return None
    kind = _type(code, national)
    if kind == PhoneNumberType.UNKNOWN:
        return ()
    if not _is_geographical(kind, int(code)):
        return _zones_of(code)
    return _zones_of(digits)


def _zones_of(digits: str) -> tuple[str, ...]:
    for length in range(min(TIMEZONE_LONGEST_PREFIX, len(digits)), 0, -1):
        found = TIMEZONE_DATA.get(digits[:length])
        if found is not None:
            return found
    return ()


def _type(code: str, national: str) -> int:
    names = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    if len(names) == 1:
        only = _region(names[0]) if names[0] != _WORLD else _main_region(code)
        return _type_in(only, national) if only is not None else PhoneNumberType.UNKNOWN
    for name in names:
        region = _region(name)
        if region is None:
            continue
        if region.leading is None:
            kind = _type_in(region, national)
            if kind != PhoneNumberType.UNKNOWN:
                return kind
        elif region.leading.match(national):
            return _type_in(region, national)
    return PhoneNumberType.UNKNOWN


def _type_in(region: _Region, national: str) -> int:
    if region.general is None or not region.general.fullmatch(national) or len(national) not in region.lengths:
        return PhoneNumberType.UNKNOWN
    for kind, desc in region.types:
        if _fits(desc, national):
            return kind
    if _fits(region.fixed, national):
        if region.same_patterns or _fits(region.mobile, national):
            return PhoneNumberType.FIXED_LINE_OR_MOBILE
        return PhoneNumberType.FIXED_LINE
    if not region.same_patterns and _fits(region.mobile, national):
        return PhoneNumberType.MOBILE
    return PhoneNumberType.UNKNOWN


def _fits(desc: _Desc | None, national: str) -> bool:
    if desc is None:
        return False
    lengths, pattern = desc
    return (not lengths or len(national) in lengths) and pattern.fullmatch(national) is not None


@lru_cache(maxsize=4096)
def _is_geographical(kind: int, code: int) -> bool:
    return is_number_type_geographical(kind, code)


@lru_cache(maxsize=1024)
def _code_in(start: str) -> str | None:
    if start[0] == "0":
        return None
    return next((start[:n] for n in (1, 2, 3) if int(start[:n]) in COUNTRY_CODE_TO_REGION_CODE), None)


@lru_cache(maxsize=1024)
def _main_region(code: str) -> _Region | None:
    names = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    return _made(PhoneMetadata.metadata_for_region_or_calling_code(int(code), names[0]))


@lru_cache(maxsize=1024)
def _region(name: str) -> _Region | None:
    return _made(PhoneMetadata.metadata_for_region(name, None))


def _made(data: PhoneMetadata | None) -> _Region | None:
    if data is None:
        return None
    kinds = (
        (PhoneNumberType.PREMIUM_RATE, data.premium_rate),
        (PhoneNumberType.TOLL_FREE, data.toll_free),
        (PhoneNumberType.SHARED_COST, data.shared_cost),
        (PhoneNumberType.VOIP, data.voip),
        (PhoneNumberType.PERSONAL_NUMBER, data.personal_number),
        (PhoneNumberType.PAGER, data.pager),
        (PhoneNumberType.UAN, data.uan),
        (PhoneNumberType.VOICEMAIL, data.voicemail),
    )
    general = _desc(data.general_desc)
    prefix = data.national_prefix_for_parsing
    return _Region(
        calling_code=str(data.country_code),
        lengths=general[0] if general else frozenset(),
        general=general[1] if general else None,
        prefix=re.compile(prefix) if prefix else None,
        plain_prefix=prefix == data.national_prefix and not data.national_prefix_transform_rule,
        going_out=re.compile(data.international_prefix) if data.international_prefix else None,
        leading=re.compile(data.leading_digits) if data.leading_digits else None,
        types=tuple((kind, desc) for kind, each in kinds if (desc := _desc(each)) is not None),
        fixed=_desc(data.fixed_line),
        mobile=_desc(data.mobile),
        same_patterns=bool(data.same_mobile_and_fixed_line_pattern),
    )


def _desc(given: PhoneNumberDesc | None) -> _Desc | None:
    if given is None or given.national_number_pattern is None:
        return None
    return frozenset(given.possible_length), re.compile(given.national_number_pattern)
