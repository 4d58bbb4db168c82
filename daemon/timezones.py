"""The time-zone data that all figures rest on: the package `tzdata`, never the system's copy."""

import zoneinfo

import tzdata  # type: ignore[import-untyped]  # it comes without types


def use_packaged_time_zones() -> None:
    """Look every zone up in `tzdata`. To be called before the first zone is looked up."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


def time_zone_release() -> str:
    """The release of the data, such as 2026a: it stands on statements."""
    return str(tzdata.IANA_VERSION)
