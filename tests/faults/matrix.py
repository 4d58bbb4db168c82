"""The faults that slad is tried against: how each is injected, which promise it is held against, and the tests that do it.

`python -m tests.faults.matrix` prints the table as README shows it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Row:
    """One fault. `tests`: their files below `tests/`, and names."""

    fault: str
    injected: str
    promise: str
    tests: tuple[str, ...]


DURABLE, COMPLETE, HONEST, HEARD = "durable", "complete", "honest", "heard"
REPRODUCIBLE, WHOLE, DISCREET, OPEN = "reproducible", "whole", "discreet", "open"

MATRIX: Final = (
    Row(
        "SIGKILL at a random point",
        "kills under changes, 10 in CI, 200 in the long run",
        f"{DURABLE}, {COMPLETE}",
        (
            "daemon/app/test_crash.py::test_a_daemon_killed_ten_times_loses_nothing",
            "daemon/app/test_crash.py::test_a_daemon_killed_two_hundred_times_loses_nothing",
            "daemon/ledger/test_crashes.py::test_a_killed_process_loses_nothing_that_it_acknowledged",
        ),
    ),
    Row(
        "power loss",
        "a disk under SQLite that forgets unsynced writes; without syncs the same test fails",
        DURABLE,
        (
            "daemon/ledger/test_power_loss.py::test_power_loss_takes_nothing_that_was_acknowledged",
            "daemon/ledger/test_power_loss.py::test_a_thousand_power_losses_take_nothing_that_was_acknowledged",
            "daemon/ledger/test_power_loss.py::test_without_syncs_the_same_power_losses_do_take_something",
        ),
    ),
    Row(
        "disk full",
        "a small ext4 on a loop device",
        f"{DURABLE}, {COMPLETE}",
        (
            "daemon/app/test_faults.py::test_while_the_disk_is_full_nothing_is_published_and_then_everything_lands",
            "daemon/app/test_faults.py::test_a_disk_that_stays_full_ends_the_process_and_the_next_one_goes_on",
        ),
    ),
    Row(
        "a write, a read or an fsync fails",
        "strace makes system calls fail",
        DURABLE,
        (
            "daemon/ledger/test_crashes.py::test_a_batch_whose_write_failed_is_recorded_once_wherever_it_failed",
        ),
    ),
    Row(
        "a snapshot that is cut, flipped, odd, of another ledger, slad or observer, or newer than its ledger",
        "any bit, any section; copies of ledgers",
        REPRODUCIBLE,
        (
            "daemon/recording/test_start_snapshot.py::test_no_bit_of_it_flips_unnoticed",
            "daemon/recording/test_start_snapshot.py::test_of_another_ledger",
            "daemon/recording/test_start_snapshot.py::test_one_whose_contents_are_odd_though_its_digest_is_right",
        ),
    ),
    Row(
        "SIGKILL or a fault while a snapshot is written; SIGKILL at any step of a start",
        "strace; a kill after each step",
        f"{DURABLE}, {REPRODUCIBLE}",
        (
            "daemon/app/test_crash.py::test_a_daemon_killed_at_any_step_of_its_start_begins_from_the_snapshot_again",
            "daemon/recording/test_start_snapshot.py::test_whichever_step_of_it_fails_or_is_the_last_one_the_next_start_has_the_one_before",
        ),
    ),
    Row(
        "damage in what a start from a snapshot did not read",
        "records changed and removed behind it",
        DURABLE,
        (
            "daemon/recording/test_verifying.py::test_damage_that_is_found_ends_the_daemon_and_the_next_start_says_it_too",
            "daemon/recording/test_verifying.py::test_each_record_up_to_the_snapshots_is_looked_at",
        ),
    ),
    Row(
        "bits flip in the ledger",
        "one random bit, over and over; bytes of a running daemon's file",
        DURABLE,
        (
            "daemon/ledger/test_damage.py::test_many_bits_that_flip_are_noticed_or_are_where_nothing_is_kept",
            "daemon/app/test_lost_ledger.py::test_bytes_that_were_overwritten_on_the_disk_are_noticed_while_it_runs",
            "daemon/control/test_damaged_ledger.py::test_a_record_that_is_none_is_named",
        ),
    ),
    Row(
        "the wall clock is set: ahead, back, to 2058; leap seconds, NTP slewing, a snapshot reverted",
        "clocks of the test's own, any walk of both, faketime under the process",
        f"{COMPLETE}, {HONEST}",
        (
            "daemon/app/test_clock_steps.py::test_a_day_ahead_for_seconds_costs_nobody_anything",
            "daemon/app/test_clock_steps.py::test_nothing_is_dated_years_ahead_while_it_runs_or_after_a_restart",
            "daemon/test_believed_clock.py::test_properties_of_any_walk_of_both_clocks",
            "daemon/test_believed_clock.py::test_slewing_for_hours_is_no_step_and_is_followed",
            "daemon/test_believed_clock.py::test_a_snapshot_that_was_reverted_under_the_process_does_not_take_it_back",
            "daemon/app/test_clock_of_a_process.py::test_a_time_that_holds_for_a_minute_is_believed",
        ),
    ),
    Row(
        "the process or the machine stands still",
        "SIGSTOP and SIGCONT; a boot clock that goes on while the others sleep; the watchdog of a real systemd",
        HONEST,
        (
            "deploy/test_booted.py::test_slad_lives_under_a_real_systemd",
            "daemon/app/test_clock_of_a_process.py::test_a_day_ahead_for_four_seconds_and_a_process_that_stands_still_cost_nothing",
            "daemon/app/test_clock_steps.py::test_a_machine_that_slept_is_in_no_doubt",
        ),
    ),
    Row(
        "vCenter accepts and says nothing",
        "a proxy that goes mute",
        HONEST,
        (
            "probes/vcenter/test_faults.py::test_a_vcenter_that_accepts_and_says_nothing_is_given_up_at_the_deadline",
            "probes/vcenter/test_faults.py::test_a_connection_that_goes_mute_in_the_middle_is_given_up_at_the_deadline",
        ),
    ),
    Row(
        "replies that drip, are cut, packed without end, huge, or no SOAP at all",
        "the simulated vCenter, on the wire",
        WHOLE,
        (
            "probes/vcenter/test_faults.py::test_a_reply_that_drips_is_given_up_at_the_deadline_of_the_whole_call",
            "probes/vcenter/test_faults.py::test_a_packed_reply_may_not_unpack_without_limit",
            "probes/vcenter/test_faults.py::test_a_reply_of_any_length_is_read_up_to_a_limit",
        ),
    ),
    Row(
        "any well-formed reply made odd",
        "a seeded fuzz of structure, values, sizes, encodings and bytes",
        WHOLE,
        ("probes/vcenter/test_odd_replies.py::test_odd_replies_end_no_watch_and_leave_no_trace",),
    ),
    Row(
        "half-open, dropped and idle connections",
        "a proxy that forgets connections; sessions killed",
        HONEST,
        (
            "probes/vcenter/test_idle_connections.py::test_a_connection_that_idled_and_was_closed_or_forgotten_costs_no_session",
            "probes/vcenter/test_idle_connections.py::test_an_answer_that_is_lost_while_it_waits_is_asked_for_again_by_the_same_version",
        ),
    ),
    Row(
        "the session ends, the password was changed",
        "TerminateSession; another password",
        HONEST,
        (
            "probes/vcenter/test_both_simulators.py::test_a_killed_session_is_followed_by_a_fresh_look",
            "probes/vcenter/test_faults.py::test_the_password_is_tried_once_and_then_not_for_minutes",
        ),
    ),
    Row(
        "vCenter restarts and fills up",
        "the simulated one, bit by bit",
        HONEST,
        (
            "probes/vcenter/test_faults.py::test_a_vcenter_that_restarts_and_fills_up_shows_departures_and_returns",
            "daemon/servers/test_registry.py::test_when_most_of_the_inventory_is_gone_at_once_nothing_is_concluded",
        ),
    ),
    Row(
        "all servers off, or gone, at once",
        "a thousand power states; an empty inventory",
        HONEST,
        (
            "probes/vcenter/test_changes.py::test_a_thousand_servers_off_at_once_are_one_report",
            "daemon/servers/test_registry.py::test_an_inventory_that_stays_empty_for_a_day_is_empty",
        ),
    ),
    Row(
        "an account that may not read",
        "properties and objects withheld",
        HONEST,
        (
            "probes/vcenter/test_changes.py::test_an_object_that_may_not_be_read_is_unknown_and_others_go_on",
            "daemon/app/test_watching.py::test_a_machine_that_cannot_be_read_is_unknown_and_the_others_go_on",
        ),
    ),
    Row(
        "copies, twins, orphans, servers restored and moved",
        "the simulated vCenters",
        HONEST,
        (
            "probes/vcenter/test_odd_inventories.py::test_a_copy_with_the_same_uuid_is_nothing_to_the_original",
            "probes/vcenter/test_odd_inventories.py::test_who_was_a_server_before_a_restart_is_it_and_not_a_copy_made_meanwhile",
            "daemon/servers/test_two_vcenters.py::test_a_move_that_takes_longer_than_grace_moves_the_server_and_makes_no_second_one",
        ),
    ),
    Row(
        "the clocks of vCenter and of hosts are wrong, set, or in the year 9999",
        "random histories with clocks of their own",
        HONEST,
        (
            "probes/vcenter/test_random_clocks.py::test_what_is_said_of_a_random_history_is_never_wrong",
            "probes/vcenter/test_clock_faults.py::test_a_boot_time_of_no_time_is_a_restart_at_most_and_never_a_date",
        ),
    ),
    Row(
        "the monitor's own way out fails",
        "cables pulled in a network namespace",
        HONEST,
        (
            "probes/targets/test_tcp_network.py::test_the_monitors_own_cable_pulled_makes_all_unknown",
            "probes/targets/ping/test_many_targets.py::test_the_cable_pulled_in_the_middle_makes_none_down",
            "probes/internet/test_leg.py::test_nothing_is_down_but_for_rounds_that_failed_between_two_good_ones_of_the_vantage",
        ),
    ),
    Row(
        "ten thousand targets, some dead, other programs that ping",
        "a network namespace",
        HONEST,
        (
            "probes/targets/ping/test_many_targets.py::test_ten_rounds_have_no_false_result_and_leave_no_descriptor_open",
            "probes/targets/ping/test_many_targets.py::test_a_hundred_rounds_have_no_false_result",
        ),
    ),
    Row(
        "two monitors that disagree, one cut off, one clock off by five minutes",
        "two daemons in virtual time, their evidence brought together in any order",
        REPRODUCIBLE,
        (
            "faults/test_two_monitors.py::test_what_two_monitors_saw_is_the_same_in_whatever_order_it_is_brought_together",
        ),
    ),
    Row(
        "Alertmanager away, restarted, clustered",
        "real Alertmanagers",
        HEARD,
        (
            "stories/test_pages.py::test_a_restart_of_alertmanager_in_the_middle_pages_no_second_time",
            "stories/test_pages.py::test_two_alertmanagers_in_a_cluster_page_once",
            "daemon/alerts/test_notifier.py::test_one_that_fails_is_tried_again_and_delays_nobody_else",
        ),
    ),
    Row(
        "Prometheus away for an hour",
        "the daemon in virtual time, scraped or not",
        f"{COMPLETE}, {REPRODUCIBLE}",
        ("faults/test_prometheus_away.py::test_an_hour_without_a_scrape_changes_no_figure",),
    ),
    Row(
        "a reload with a bad file",
        "SIGHUP",
        HONEST,
        (
            "daemon/app/test_faults.py::test_a_bad_configuration_keeps_the_old_one_in_force_and_a_good_one_takes_its_place",
        ),
    ),
    Row(
        "an older or a newer ledger, a migration that is killed",
        "ledgers of each version",
        DURABLE,
        (
            "daemon/ledger/test_ledger.py::test_an_older_ledger_is_migrated_after_a_backup_of_it_was_made",
            "daemon/ledger/test_ledger.py::test_a_migration_that_is_killed_in_the_middle_leaves_the_ledger_as_it_was",
            "daemon/ledger/test_ledger.py::test_a_ledger_of_a_newer_slad_is_refused",
        ),
    ),
    Row(
        "the ledger's file is moved, exchanged, older, cut or chained anew",
        "renames and copies under the daemon",
        DURABLE,
        (
            "daemon/app/test_lost_ledger.py::test_one_that_is_moved_away_takes_no_records_and_goes_on_once_it_is_back",
            "daemon/app/test_lost_ledger.py::test_another_file_in_its_place_ends_it_and_is_refused_at_the_next_start",
            "daemon/app/test_lost_ledger.py::test_an_older_copy_is_refused_and_why_it_is_accepted_is_on_record",
            "daemon/ledger/test_noted_head.py::test_records_that_were_removed_and_chained_anew_are_refused",
        ),
    ),
    Row(
        "scrapes by the dozen, slow and idle readers, floods of strangers",
        "sockets on loopback",
        OPEN,
        (
            "daemon/web/test_doors_stay_open.py::test_no_occupant_shuts_a_door",
            "daemon/web/test_doors_stay_open.py::test_who_is_too_slow_is_cut_off",
            "daemon/web/test_web.py::test_large_headers_are_431",
        ),
    ),
    Row(
        "any request, and one from a page of another origin",
        "schemathesis on a running daemon; hosts and origins that are not its own",
        OPEN,
        (
            "daemon/control/test_schemathesis_on_a_daemon.py::test_every_bound_of_an_instant_is_answered",
            "daemon/web/test_hosts.py::test_a_door_answers_to_its_own_hosts_alone",
        ),
    ),
    Row(
        "secrets in logs, pages, figures, errors and cores",
        "a canary as the password; cores allowed, and the daemon's memory searched",
        DISCREET,
        (
            "daemon/app/test_faults.py::test_the_password_is_shown_nowhere",
            "daemon/app/test_secrets.py::test_a_password_that_was_sent_is_nowhere_in_memory",
            "daemon/app/test_secrets.py::test_slad_dumps_no_core_whatever_the_limits_allow",
        ),
    ),
    Row(
        "a client who looks for others in its export",
        "random evidence of three clients with other secrets; guesses of what is omitted",
        DISCREET,
        (
            "daemon/evidence/test_discreet.py::test_it_does_not_depend_on_what_others_keep_secret",
            "daemon/evidence/test_discreet.py::test_what_is_left_out_cannot_be_guessed_from_all_that_is_shown",
        ),
    ),
    Row(
        "names that would steer a terminal, forge a line or a path",
        "escapes, newlines, bidirectional and blank letters, `/ { % ..` through every command",
        WHOLE,
        (
            "daemon/cli/test_every_command.py::test_whatever_a_daemon_answers_all_that_is_said_shows",
            "daemon/cli/test_every_command.py::test_whatever_stands_in_evidence_all_that_is_said_of_it_shows",
            "daemon/cli/test_odd_names.py::test_every_command_that_takes_a_servers_name_takes_an_odd_one",
            "daemon/cli/test_odd_names.py::test_every_path_that_a_name_is_part_of_leads_to_what_is_named",
        ),
    ),
    Row(
        "no room, right, memory, descriptor, port or reader; interrupted",
        "every command under each",
        f"{OPEN}; each command ends in a sentence",
        (
            "daemon/cli/test_every_command.py::test_whatever_the_fault_it_ends_in_a_sentence",
            "daemon/app/test_faults.py::test_without_descriptors_it_says_so_in_a_sentence_and_goes_on_when_there_are_some",
        ),
    ),
    Row(
        "a slip of somebody who records, and its withdrawal",
        "withdrawals at random, held against what was never recorded; what lies years away, or turns a solution back",
        REPRODUCIBLE,
        (
            "sla/test_properties.py::test_for_any_evidence",
            "daemon/records/test_withdrawing.py::test_an_order_for_a_running_solution_is_asked_about",
            "daemon/records/test_withdrawing.py::test_what_is_years_away_is_asked_about",
        ),
    ),
    Row(
        "half a day of all that, at random",
        "the daemon in virtual time, 12 hours from a seed",
        f"{COMPLETE}; tasks, descriptors and memory flat",
        ("faults/test_soak.py::test_half_a_day_of_faults_leaves_nothing_behind_but_evidence",),
    ),
    Row(
        "exclusions after the fact, overlapping, over clock changes and month ends",
        "random evidence against a brute force",
        f"{COMPLETE}, {REPRODUCIBLE}",
        ("sla/test_properties.py::test_for_any_evidence",),
    ),
)
"""The 25 rows that systems people trust are tried by, and the kinds of fault that slad fell for."""


def table() -> str:
    """The matrix in Markdown: a line a row, with the files in which its tests are."""
    lines = ["| fault | how it is injected | slad stays | tests in `tests/` |", "| --- | --- | --- | --- |"]
    for row in MATRIX:
        files = dict.fromkeys(test.partition("::")[0] for test in row.tests)
        named = ", ".join(f"`{file.removesuffix('.py')}`" for file in files)
        lines.append(f"| {row.fault} | {row.injected} | {row.promise} | {named} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
