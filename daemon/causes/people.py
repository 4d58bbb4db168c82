"""Whose the users of the vCenters are, as the configuration says it."""

from daemon.config.config import Config
from sla.people import ActsFor, People


def people_of(config: Config) -> People:
    """The people of a configuration, in its order."""
    return People(
        automation={
            pattern: ActsFor(automation.acts_for)
            for automation in config.people.automation
            for pattern in automation.users
        },
        employees=config.people.employees,
        users={client: table.users for client, table in config.clients.items() if table.users},
    )
