"""`spec/causes.md`: the cause of an outage, rule by rule."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sla.cause_events import CauseEvent
from sla.causes import HostSpan, LostMount, Placement, UplinkSpan
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import CauseKind, Confidence, Leg
from tests.sla.cases import (
    APD,
    ASKED,
    CLIENTS,
    EMPLOYEE,
    END,
    HOST,
    HOST_FAILED,
    OFF,
    OTHER_HOST,
    OTHER_SERVER,
    OTHER_STORE,
    RESTARTED,
    START,
    STORE,
    SUSPENDED,
    UNKNOWN,
    cause,
    of_host,
    of_server,
    verdict,
)


class TestRule1:
    """The event that turned it off or suspended it names a user."""

    @pytest.mark.parametrize("kind", [OFF, SUSPENDED])
    def test_who_turned_it_off_or_suspended_it_did_it(self, kind: str) -> None:
        stop = of_server(kind, user=CLIENTS)
        found = cause(stop)
        assert (found.cause, found.confidence) == (CauseKind.CLIENT_CHANGE, Confidence.PROVED)
        assert (found.user, found.because) == (CLIENTS, (stop.key,))

    @pytest.mark.parametrize("fault", [APD, HOST_FAILED])
    def test_a_fault_of_host_or_storage_in_the_two_minutes_before_goes_before_it(self, fault: str) -> None:
        stop = of_server(OFF, MINUTE, user=CLIENTS)
        within = of_host(fault, MINUTE - 2 * MINUTE)
        assert verdict(stop, within)[0] in ("storage", "host_failure")
        assert verdict(stop, replace(within, at=Instant(within.at - 1))) == ("client_change", "proved")

    def test_a_fault_after_it_does_not_go_before_it(self) -> None:
        stop = of_server(OFF, user=CLIENTS)
        assert verdict(stop, of_host(APD)) == ("storage", "proved")
        assert verdict(stop, of_host(APD, 1)) == ("client_change", "proved")

    def test_a_san_leg_that_is_down_without_an_event_does_not_go_before_it(self) -> None:
        stop = of_server(OFF, user=CLIENTS)
        assert verdict(stop, down=(Leg.RUNNING, Leg.SAN)) == ("client_change", "proved")

    def test_an_event_that_names_nobody_is_no_ones(self) -> None:
        assert verdict(of_server(OFF)) == ("guest", "likely")

    def test_what_was_turned_on_again_before_the_start_was_another_outage(self) -> None:
        stop, again = of_server(OFF, -10 * MINUTE, user=CLIENTS), of_server("VmPoweredOnEvent", -9 * MINUTE)
        assert verdict(stop) == ("client_change", "proved")
        assert verdict(stop, again) == UNKNOWN

    def test_what_turned_it_off_after_the_end_was_another_outage(self) -> None:
        stop = of_server(OFF, MINUTE, user=CLIENTS)
        assert verdict(stop, end=Instant(START + MINUTE)) == ("client_change", "proved")
        assert verdict(stop, end=Instant(START + MINUTE - 1)) == UNKNOWN

    def test_the_event_nearest_to_the_start_turned_it_off(self) -> None:
        far, near = of_server(OFF, -10 * MINUTE, user=EMPLOYEE), of_server(OFF, SECOND, user=CLIENTS)
        assert cause(far, near).user == CLIENTS

    def test_it_goes_before_a_lost_uplink_and_before_maintenance(self) -> None:
        stop = of_server(OFF, user=CLIENTS)
        uplink = {"uplink": "a", "uplinks_down": [UplinkSpan("a", START, None)], "down": (Leg.INTERNET,)}
        assert verdict(stop, **uplink) == ("client_change", "proved")
        assert verdict(stop, in_maintenance=[HostSpan(HOST, START, None)]) == ("client_change", "proved")


class TestRule2:
    """Leg `internet` alone is down and the server's uplink was down at the start."""

    SPAN = UplinkSpan("a", Instant(START - MINUTE), Instant(START + 1))

    def of(self, span: UplinkSpan, *down: Leg, **keys: Any) -> tuple[str, str]:
        return verdict(down=down or (Leg.INTERNET,), uplinks_down=[span], **({"uplink": "a"} | keys))

    def test_its_uplink_was_down(self) -> None:
        assert self.of(self.SPAN) == ("network", "proved")
        assert self.of(self.SPAN._replace(start=START, end=None)) == ("network", "proved")

    def test_not_where_another_leg_is_down_too(self) -> None:
        assert self.of(self.SPAN, Leg.RUNNING, Leg.INTERNET) == UNKNOWN
        assert self.of(self.SPAN, Leg.RUNNING) == UNKNOWN

    def test_not_by_another_uplink(self) -> None:
        assert self.of(self.SPAN._replace(uplink="b")) == UNKNOWN
        assert self.of(self.SPAN._replace(uplink=""), uplink="") == UNKNOWN

    def test_not_by_an_uplink_that_was_up_again_or_not_down_yet(self) -> None:
        assert self.of(self.SPAN._replace(end=START)) == UNKNOWN
        assert self.of(self.SPAN._replace(start=Instant(START + 1), end=None)) == UNKNOWN


class TestRule3:
    """The storage failed under it."""

    def test_a_san_leg_that_is_down_makes_it_likely(self) -> None:
        assert verdict(down=(Leg.SAN,)) == ("storage", "likely")

    @pytest.mark.parametrize(
        "kind",
        [
            APD,
            "esx.problem.storage.connectivity.lost",
            "esx.problem.scsi.device.state.permanentloss",
            "esx.problem.vmfs.heartbeat.timedout",
            "com.vmware.vc.HA.DasHostCompleteDatastoreFailureEvent",
        ],
    )
    def test_an_event_of_its_host_proves_it(self, kind: str) -> None:
        lost = of_host(kind, -MINUTE, datastore=STORE)
        assert verdict(lost) == ("storage", "proved")
        assert cause(lost, down=(Leg.SAN,)).because == (lost.key,)
        assert verdict(of_host(kind)) == ("storage", "proved"), "of a datastore that is not named"

    @pytest.mark.parametrize("kind", ["VmcpTerminatingVm", "AnsweredVmTerminatePDLEvent"])
    def test_a_reaction_of_ha_proves_it(self, kind: str) -> None:
        assert verdict(of_server(f"com.vmware.vc.HA.{kind}")) == ("storage", "proved")

    def test_a_reset_after_lost_paths_proves_it(self) -> None:
        reset = of_server("VmDasBeingResetEvent", reason="vmcpResetApdCleared")
        assert verdict(reset) == ("storage", "proved")

    def test_a_mount_that_its_host_lost_proves_what_the_leg_says(self) -> None:
        lost = LostMount(HOST, STORE, START, None)
        assert verdict(down=(Leg.SAN,), lost_mounts=[lost]) == ("storage", "proved")
        assert verdict(lost_mounts=[lost]) == UNKNOWN

    @pytest.mark.parametrize(
        "change",
        [
            {"host": OTHER_HOST},
            {"datastore": OTHER_STORE},
            {"start": Instant(START + 1)},
            {"start": Instant(START - 1), "end": START},
        ],
    )
    def test_a_mount_of_another_or_at_another_time_proves_nothing(self, change: Mapping[str, Any]) -> None:
        lost = LostMount(HOST, STORE, START, None)._replace(**change)
        assert verdict(down=(Leg.SAN,), lost_mounts=[lost]) == ("storage", "likely")

    def test_a_redundancy_that_was_lost_is_a_warning(self) -> None:
        assert verdict(of_host("esx.problem.storage.redundancy.lost")) == UNKNOWN

    def test_it_goes_before_the_host(self) -> None:
        assert verdict(of_host(HOST_FAILED), of_host(APD), of_server(RESTARTED)) == ("storage", "proved")


class TestRule4:
    """Its host failed, was isolated, or killed it."""

    @pytest.mark.parametrize(
        "event",
        [
            of_server(RESTARTED, 30 * MINUTE),
            of_server("VmRestartedOnAlternateHostEvent"),
            of_server("VmPowerOffOnIsolationEvent"),
            of_server("esx.problem.vm.kill.unexpected.noSwapResponse"),
            of_host(HOST_FAILED),
            of_host("com.vmware.vc.HA.DasHostFailedEvent"),
            of_host("DasHostIsolatedEvent"),
            of_host("com.vmware.vc.HA.DasHostIsolatedEvent"),
            of_host("HostShutdownEvent"),
            of_host("com.vmware.vc.HA.DasHostCompleteNetworkFailureEvent"),
            of_host("esx.audit.host.crash.reason.available"),
        ],
        ids=lambda event: event.type,
    )
    def test_an_event_proves_it(self, event: CauseEvent) -> None:
        assert verdict(event) == ("host_failure", "proved")
        assert cause(event).because == (event.key,)

    def test_a_user_who_is_named_with_an_isolation_did_not_do_it(self) -> None:
        assert verdict(of_server("VmPowerOffOnIsolationEvent", user=EMPLOYEE)) == ("host_failure", "proved")

    def test_a_host_event_that_names_its_machine_by_mistake_is_about_that_machine(self) -> None:
        assert verdict(of_host(HOST_FAILED, server=OTHER_SERVER)) == UNKNOWN

    def moved(self, offset: int) -> tuple[Placement, ...]:
        left = Instant(END + offset)
        stores = frozenset({STORE})
        return (
            Placement(HOST, stores, Instant(START - HOUR), left),
            Placement(OTHER_HOST, stores, left, None),
        )

    @pytest.mark.parametrize("ago", [0, 5 * MINUTE])
    def test_a_host_that_fell_silent_and_a_server_elsewhere_make_it_likely(self, ago: int) -> None:
        silent = [HostSpan(HOST, Instant(START - ago), None)]
        assert verdict(silent=silent, placements=self.moved(0)) == ("host_failure", "likely")
        assert verdict(silent=silent, placements=self.moved(2 * MINUTE)) == ("host_failure", "likely")
        assert verdict(silent=silent, placements=self.moved(2 * MINUTE + 1)) == UNKNOWN

    def test_so_does_a_server_that_was_booted_anew(self) -> None:
        silent = [HostSpan(HOST, START, None)]
        assert verdict(silent=silent, booted_anew=True) == ("host_failure", "likely")
        assert verdict(silent=silent) == UNKNOWN
        assert verdict(booted_anew=True) == UNKNOWN

    def test_so_does_the_event_of_the_silence(self) -> None:
        lost = of_host("HostConnectionLostEvent", -MINUTE)
        found = cause(lost, booted_anew=True)
        assert (found.confidence, found.because) == (Confidence.LIKELY, (lost.key,))

    def test_a_silence_of_before_or_of_another_host_does_not(self) -> None:
        for silent in (
            HostSpan(HOST, Instant(START - 5 * MINUTE - 1), None),
            HostSpan(HOST, Instant(START + 1), None),
            HostSpan(OTHER_HOST, START, None),
        ):
            assert verdict(silent=[silent], booted_anew=True) == UNKNOWN

    def test_an_outage_that_lasts_was_not_seen_elsewhere_yet(self) -> None:
        silent = [HostSpan(HOST, START, None)]
        assert verdict(silent=silent, placements=self.moved(0), end=None) == UNKNOWN


class TestRule5:
    """Its host was entering or in maintenance mode."""

    SPAN = HostSpan(HOST, Instant(START - MINUTE), None)
    ENTERING, ENTERED = "EnteringMaintenanceModeEvent", "EnteredMaintenanceModeEvent"

    def test_its_host_in_maintenance_makes_it_likely(self) -> None:
        assert verdict(in_maintenance=[self.SPAN]) == ("host_maintenance", "likely")

    def test_two_steps_of_one_user_prove_it(self) -> None:
        first, second = of_host(self.ENTERING, user=EMPLOYEE), of_host(self.ENTERED, user=EMPLOYEE.lower())
        found = cause(first, second, in_maintenance=[self.SPAN])
        assert (found.confidence, found.user) == (Confidence.PROVED, EMPLOYEE)
        assert set(found.because) == {first.key, second.key}

    def test_so_does_who_shut_its_guest_down_for_it(self) -> None:
        events = [of_host(self.ENTERING, user=EMPLOYEE), of_server(ASKED, user=EMPLOYEE)]
        assert verdict(*events, in_maintenance=[self.SPAN]) == ("host_maintenance", "proved")

    def test_two_users_or_one_step_do_not(self) -> None:
        entering = of_host(self.ENTERING, user=EMPLOYEE)
        for other in (
            of_host(self.ENTERED, user=CLIENTS),
            of_server(ASKED, user=CLIENTS),
            of_host(self.ENTERING, user=EMPLOYEE),
            of_host(self.ENTERED),
        ):
            assert verdict(entering, other, in_maintenance=[self.SPAN]) == ("host_maintenance", "likely")

    def test_not_by_another_host_or_at_another_time(self) -> None:
        for span in (
            self.SPAN._replace(host=OTHER_HOST),
            self.SPAN._replace(end=START),
            self.SPAN._replace(start=Instant(START + 1)),
        ):
            assert verdict(in_maintenance=[span]) == UNKNOWN

    def test_it_goes_before_who_asked_the_guest(self) -> None:
        assert verdict(of_server(ASKED, user=CLIENTS), in_maintenance=[self.SPAN])[0] == "host_maintenance"


class TestRule6:
    """A user asked its guest to shut down, restart or stand by."""

    @pytest.mark.parametrize("kind", [ASKED, "VmGuestRebootEvent", "VmGuestStandbyEvent"])
    def test_by_whose_user_it_is(self, kind: str) -> None:
        asked, off = of_server(kind, -30 * SECOND, user=CLIENTS), of_server(OFF)
        assert verdict(asked, off) == ("client_change", "likely")
        assert cause(asked, off).because == (asked.key,)
        assert verdict(replace(asked, user=EMPLOYEE), off) == ("provider_change", "likely")

    def test_not_where_nobody_is_named(self) -> None:
        assert verdict(of_server(ASKED), of_server(OFF)) == ("guest", "likely")


class TestRule7:
    """Its guest crashed, was reset for silence, or shut itself down."""

    def test_a_crash_proves_it(self) -> None:
        assert verdict(of_server("VmGuestOSCrashedEvent")) == ("guest", "proved")

    @pytest.mark.parametrize("reason", ["vmtoolsHeartbeatFailure", "appHeartbeatFailure", ""])
    @pytest.mark.parametrize("kind", ["VmDasBeingResetEvent", "VmDasBeingResetWithScreenshotEvent"])
    def test_a_reset_for_a_silent_heartbeat_proves_it(self, kind: str, reason: str) -> None:
        assert verdict(of_server(kind, reason=reason)) == ("guest", "proved")

    def test_a_reset_for_something_else_does_not(self) -> None:
        assert verdict(of_server("VmDasBeingResetEvent", reason="appImmediateResetRequest")) == UNKNOWN

    def test_an_event_that_turned_it_off_and_names_nobody_makes_it_likely(self) -> None:
        assert verdict(of_server(OFF)) == ("guest", "likely")
        assert verdict(of_server(SUSPENDED)) == UNKNOWN


class TestRule8:
    """Nothing on record tells."""

    def test_it_is_unknown(self) -> None:
        found = cause()
        assert (found.cause, found.confidence) == (CauseKind.UNKNOWN, Confidence.NONE)
        assert (found.user, found.because) == (None, ())
