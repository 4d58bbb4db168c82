"""How clients stand this month: their servers by what the budgets leave, as each server's own month says."""

from daemon.answers.budgets import BudgetVerdict
from sla.instants import MINUTE
from sla.records import ClientId
from tests.daemon.pages.world import MARCH, World


async def test_a_client_is_where_the_worst_of_its_servers_is() -> None:
    world = World()
    world.source.look()
    await world.settle()
    (acme,) = [each for each in await world.viewer().clients() if each.client == "acme"]
    assert (acme.verdict, acme.servers, acme.down) == (BudgetVerdict.MET, 4, 0)
    world.turn(False, "lone")
    world.source.look(passed_us=25 * MINUTE)
    await world.settle()
    (acme,) = [each for each in await world.viewer().clients() if each.client == "acme"]
    assert (acme.verdict, acme.down, acme.count("met")) == (BudgetVerdict.AT_RISK, 1, 3)
    (month,) = await world.viewer().months("lone", MARCH)
    assert acme.least_left == month.row.figures.budget_left // 1
    world.source.look(passed_us=20 * MINUTE)
    await world.settle()
    told = await world.sources.budgets.client(ClientId("acme"))
    assert told is not None
    assert (told.verdict, told.count("missed"), told.servers) == (BudgetVerdict.MISSED, 1, 4)
    assert await world.sources.budgets.client(ClientId("none")) is None
