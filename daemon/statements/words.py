"""The words of statements in each language: one catalogue, in which no phrase can lack a language.

A phrase in braces is filled in. What closed sets say has the key of the set and the word of the evidence, such as `stage.clear`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sla.reasons import PlainReason


class Phrase(NamedTuple):
    """What is said, in each language."""

    en: str
    fr: str


WORDS: Final[Mapping[str, Phrase]] = {
    "title": Phrase("Statement of service", "Relevé de service"),
    "client": Phrase("Client", "Client"),
    "provider": Phrase("Provider", "Fournisseur"),
    "month": Phrase("Month", "Mois"),
    "period": Phrase("Period", "Période"),
    "period_is": Phrase("{start} to {end} ({zone})", "{start} au {end} ({zone})"),
    "as_known_at": Phrase("As known at", "État des connaissances"),
    "version": Phrase("Version", "Version"),
    "provisional": Phrase("provisional: the month is not over", "provisoire : le mois n’est pas terminé"),
    "not_issued": Phrase("not issued", "non émis"),
    "issued": Phrase("{version}, issued", "{version}, émis"),
    "corrects": Phrase("{version}, corrects version {corrects}", "{version}, corrige la version {corrects}"),
    "basis": Phrase("How time counts", "Décompte du temps"),
    "basis.agreed": Phrase(
        "excluded time is no service time", "le temps exclu n’est pas du temps de service"
    ),
    "basis.service": Phrase("excluded time counts as available", "le temps exclu compte comme disponible"),
    "unobserved.exclude": Phrase("unobserved time is left out", "le temps non observé est laissé de côté"),
    "unobserved.up": Phrase("unobserved time counts as up", "le temps non observé compte comme disponible"),
    "unobserved.down": Phrase("unobserved time counts as down", "le temps non observé compte comme panne"),
    "no_servers": Phrase(
        "No virtual server was in service with this client in this month.",
        "Aucun serveur virtuel n’était en service chez ce client pendant ce mois.",
    ),
    # Summary
    "summary": Phrase("Summary", "Sommaire"),
    "servers": Phrase("Virtual servers", "Serveurs virtuels"),
    "summary.met": Phrase("Met the target", "Objectif atteint"),
    "summary.missed": Phrase("Missed the target", "Objectif manqué"),
    "summary.either": Phrase("Could be judged either way", "Peuvent être jugés dans un sens ou dans l’autre"),
    "summary.nothing": Phrase("Nothing to judge", "Rien à juger"),
    "summary.down": Phrase("Down", "En panne"),
    "summary.excluded": Phrase("Excluded", "Exclu"),
    "summary.unobserved": Phrase("Unobserved", "Non observé"),
    "server_hours": Phrase("{hours} server-hours ({time})", "{hours} heures-serveur ({time})"),
    "worst": Phrase("Lowest availability", "Disponibilité la plus basse"),
    "worst_is": Phrase("{server}: {availability}", "{server} : {availability}"),
    "summary.interruptions": Phrase("Interruptions, of which qualified", "Interruptions, dont qualifiées"),
    "of": Phrase("{part} of {whole}", "{part} sur {whole}"),
    "and": Phrase("{whole}, {part}", "{whole}, {part}"),
    "stages_not_clear": Phrase("Chronic outages", "Pannes chroniques"),
    "stage_is": Phrase("{solution}: {stage} ({basis})", "{solution} : {stage} ({basis})"),
    "requests_in_time": Phrase("Service requests answered in time", "Demandes répondues à temps"),
    # Servers
    "name": Phrase("Server", "Serveur"),
    "solution": Phrase("Solution", "Solution"),
    "availability": Phrase("Availability", "Disponibilité"),
    "target": Phrase("Target", "Objectif"),
    "verdict": Phrase("Verdict", "Verdict"),
    "verdict.missed": Phrase("missed", "manqué"),
    "verdict.either": Phrase("either way", "indécis"),
    "verdict.met": Phrase("met", "atteint"),
    "verdict.nothing": Phrase("nothing to judge", "rien à juger"),
    "bounds": Phrase("Bounds", "Bornes"),
    "range": Phrase("{low} to {high}", "{low} à {high}"),
    "days": Phrase("Days", "Jours"),
    "days_legend": Phrase("One mark a local day:", "Une marque par jour local :"),
    "day.down": Phrase("down", "en panne"),
    "day.unobserved": Phrase("partly unobserved", "en partie non observé"),
    "day.excluded": Phrase("excluded only", "exclu seulement"),
    "day.up": Phrase("up", "disponible"),
    "day.not_in_service": Phrase("not in service", "hors service contractuel"),
    "day_is": Phrase("{date}: {state}", "{date} : {state}"),
    "day_is_for": Phrase("{date}: {state}, {time}", "{date} : {state}, {time}"),
    # Outages
    "outages": Phrase("Outages", "Pannes"),
    "no_outages": Phrase("No server was down.", "Aucun serveur n’a été en panne."),
    "start": Phrase("Start", "Début"),
    "end": Phrase("End", "Fin"),
    "lasted": Phrase("Lasted", "Durée"),
    "ongoing": Phrase("ongoing", "en cours"),
    "legs": Phrase("What was down", "Élément en panne"),
    "leg.running": Phrase("running", "fonctionnement"),
    "leg.san": Phrase("SAN", "SAN"),
    "leg.internet": Phrase("Internet", "Internet"),
    "reason": Phrase("Reason on record", "Raison consignée"),
    "cause": Phrase("Cause", "Cause"),
    "cause.client_change": Phrase("a change by the client", "un changement du client"),
    "cause.provider_change": Phrase("a change by the provider", "un changement du fournisseur"),
    "cause.host_maintenance": Phrase("maintenance of its host", "entretien de son hôte"),
    "cause.storage": Phrase("storage", "stockage"),
    "cause.host_failure": Phrase("failure of its host", "défaillance de son hôte"),
    "cause.network": Phrase("network", "réseau"),
    "cause.guest": Phrase("its operating system", "son système d’exploitation"),
    "cause.unknown": Phrase("unknown", "inconnue"),
    "sure.proved": Phrase("{cause} (proved)", "{cause} (prouvé)"),
    "sure.likely": Phrase("{cause} (likely)", "{cause} (probable)"),
    "sure.none": Phrase("{cause}", "{cause}"),
    "excluded_by": Phrase("Excluded by", "Exclu par"),
    "servers_counted": Phrase("{count} servers", "{count} serveurs"),
    "see_each": Phrase("see each", "voir chacune"),
    "unfold": Phrase("Each of them", "Chacune d’elles"),
    "excluded_for": Phrase("{exclusion}, {category}: {time}", "{exclusion}, {category} : {time}"),
    # Exclusions
    "exclusions": Phrase("Exclusions", "Exclusions"),
    "no_chronic": Phrase(
        "No solution has an interruption in the window, or is in a process.",
        "Aucune solution n’a d’interruption dans la période, ni de processus en cours.",
    ),
    "window_starts": Phrase("Interruptions since {day}", "Interruptions depuis le {day}"),
    "no_exclusions": Phrase("No exclusion covered a server.", "Aucune exclusion ne visait un serveur."),
    "exclusion": Phrase("Exclusion", "Exclusion"),
    "category": Phrase("Category", "Catégorie"),
    "category.force_majeure": Phrase("force majeure", "force majeure"),
    "category.client_change": Phrase("change by the client", "changement du client"),
    "category.client_system": Phrase("client’s own system", "système du client"),
    "category.end_user_pc": Phrase("end user’s computer", "ordinateur de l’utilisateur"),
    "category.emergency_security_update": Phrase(
        "emergency security update", "mise à jour de sécurité urgente"
    ),
    "category.scheduled_maintenance": Phrase("scheduled maintenance", "entretien planifié"),
    "reference": Phrase("Reference", "Référence"),
    # Windows in calendars
    "calendar.name": Phrase("Maintenance for {client}", "Entretien pour {client}"),
    "calendar.about": Phrase("Windows of maintenance that are on record", "Périodes d’entretien au registre"),
    "calendar.scheduled_maintenance": Phrase("Maintenance", "Entretien"),
    "calendar.emergency_security_update": Phrase(
        "Emergency security update", "Mise à jour de sécurité urgente"
    ),
    "calendar.clients": Phrase("Clients: {names}", "Clients : {names}"),
    "calendar.solutions": Phrase("Solutions: {names}", "Solutions : {names}"),
    "calendar.servers": Phrase("Servers: {names}", "Serveurs : {names}"),
    "calendar.reference": Phrase("Reference: {reference}", "Référence : {reference}"),
    "calendar.is_open": Phrase(
        "It is open: it lasts until it is ended.",
        "Elle est ouverte : elle dure jusqu’à ce qu’on y mette fin.",
    ),
    "calendar.withdrawn": Phrase("Withdrawn: {why}", "Retirée : {why}"),
    "calendar.everybody": Phrase("everybody", "tous"),
    "calendar.nearest": Phrase(
        "{about}; the {shown} nearest of {all}", "{about} ; les {shown} plus proches de {all}"
    ),
    "covers": Phrase("Covers", "Vise"),
    "all_servers": Phrase("all servers", "tous les serveurs"),
    "and_more": Phrase("{names} and {number} more", "{names} et {number} de plus"),
    "open_end": Phrase("no end yet", "sans fin encore"),
    "time_excluded": Phrase("Time excluded", "Temps exclu"),
    "time_refused": Phrase("Time refused", "Temps refusé"),
    "refused_for": Phrase("{time}: {reason}", "{time} : {reason}"),
    "refusal.late_notice": Phrase("notice came too late", "préavis trop tardif"),
    "refusal.outside_band": Phrase("outside of the agreed hours", "hors des heures convenues"),
    "refusal.over_weekly_cap": Phrase(
        "more than the agreed time a week", "plus que le temps convenu par semaine"
    ),
    # Interruptions and chronic outages
    "interruptions": Phrase("Interruptions of the month", "Interruptions du mois"),
    "no_interruptions": Phrase("No solution was interrupted.", "Aucune solution n’a été interrompue."),
    "counted": Phrase("Counted", "Décompté"),
    "qualified": Phrase("Qualifying from", "Qualifiée dès"),
    "documented": Phrase("Documented from", "Documentée dès"),
    "chronic": Phrase("Chronic outages, as of {as_of}", "Pannes chroniques, au {as_of}"),
    "chronic_basis": Phrase("By", "Selon"),
    "basis.observed": Phrase("what was observed", "ce qui fut observé"),
    "basis.documented": Phrase("service requests", "les demandes"),
    "in_window": Phrase("In {days} days", "En {days} jours"),
    "stage": Phrase("Stage", "Étape"),
    "stage.clear": Phrase("clear", "aucune"),
    "stage.at_risk": Phrase("at risk", "à risque"),
    "stage.chronic": Phrase("chronic", "chronique"),
    "stage.lapsed": Phrase("lapsed", "caduque"),
    "stage.resolution": Phrase("resolution", "résolution"),
    "stage.evaluation": Phrase("evaluation", "évaluation"),
    "stage.unresolved": Phrase("unresolved", "non résolue"),
    "stage.resolved": Phrase("resolved", "résolue"),
    "dates": Phrase("Dates", "Dates"),
    "date.chronic_at": Phrase("chronic at {at}", "chronique le {at}"),
    "date.notice_closes_at": Phrase("notice until {at}", "avis jusqu’au {at}"),
    "date.notice_given_at": Phrase("notice given {at}", "avis donné le {at}"),
    "date.resolution_until": Phrase("resolution until {at}", "résolution jusqu’au {at}"),
    "date.evaluation_until": Phrase("evaluation until {at}", "évaluation jusqu’au {at}"),
    "next": Phrase("What happens next", "La suite"),
    "next.clear": Phrase(
        "{interruptions} qualifying interruptions in {days} days make it chronic",
        "{interruptions} interruptions qualifiées en {days} jours la rendent chronique",
    ),
    "next.at_risk": Phrase(
        "one more qualifying interruption makes it chronic",
        "une interruption qualifiée de plus la rend chronique",
    ),
    "next.chronic": Phrase(
        "the client may give notice of intent to cancel until {until}",
        "le client peut donner avis de son intention de résilier jusqu’au {until}",
    ),
    "next.chronic_open": Phrase(
        "the client may give notice of intent to cancel until {days} days after the interruption ends",
        "le client peut donner avis de son intention de résilier jusqu’à {days} jours après la fin de l’interruption",
    ),
    "next.lapsed": Phrase(
        "no notice came in time; one more qualifying interruption makes it chronic again",
        "aucun avis à temps; une interruption qualifiée de plus la rend de nouveau chronique",
    ),
    "next.resolution": Phrase(
        "the provider has until {until} to resolve it", "le fournisseur a jusqu’au {until} pour la résoudre"
    ),
    "next.evaluation": Phrase(
        "resolved if no more than {most} interruptions qualify until {until}; so far: {count}",
        "résolue si au plus {most} interruptions sont qualifiées jusqu’au {until}; à ce jour : {count}",
    ),
    "next.unresolved": Phrase(
        "the client may cancel without penalty", "le client peut résilier sans pénalité"
    ),
    "next.resolved": Phrase(
        "counting begins anew after the evaluation", "le décompte recommence après l’évaluation"
    ),
    # Service requests and deadlines
    "requests": Phrase("Service requests (times in {zone})", "Demandes de service (heures de {zone})"),
    "no_requests": Phrase("No service request was open.", "Aucune demande n’était ouverte."),
    "request": Phrase("Request", "Demande"),
    "opened": Phrase("Opened", "Ouverte"),
    "channel": Phrase("By", "Par"),
    "channel.phone": Phrase("phone", "téléphone"),
    "channel.email": Phrase("e-mail", "courriel"),
    "channel.portal": Phrase("portal", "portail"),
    "responded": Phrase("Answered", "Répondue"),
    "due": Phrase("Due", "Échéance"),
    "outcome": Phrase("Outcome", "Résultat"),
    "outcome.met": Phrase("in time", "à temps"),
    "outcome.missed": Phrase("missed", "manquée"),
    "outcome.pending": Phrase("pending", "en attente"),
    "outcome.accepted": Phrase("accepted", "acceptée"),
    "outcome.problem": Phrase("problem reported", "problème signalé"),
    "business_time": Phrase("Business time", "Heures ouvrables"),
    "deadlines": Phrase("Deadlines (times in {zone})", "Échéances (heures de {zone})"),
    "no_deadlines": Phrase("No deadline was open.", "Aucune échéance n’était ouverte."),
    "deadline": Phrase("Deadline", "Échéance"),
    "deadline.provisioning": Phrase("provisioning", "mise en service"),
    "deadline.acceptance": Phrase("acceptance", "acceptation"),
    "deadline.data_return": Phrase("return of data", "retour des données"),
    "since": Phrase("Since", "Depuis"),
    "done": Phrase("Done", "Fait"),
    # How to check it
    "check": Phrase("How to check it", "Comment le vérifier"),
    "ledger": Phrase("Ledger", "Registre"),
    "ledger_named": Phrase("Ledger {name}", "Registre {name}"),
    "head_is": Phrase("record {seq}, head {head}", "enregistrement {seq}, tête {head}"),
    "not_proved": Phrase(
        "none: the evidence was not held against a hash chain",
        "aucun : les preuves n’ont pas été confrontées à une chaîne de hachage",
    ),
    "sha256": Phrase("SHA-256 of the JSON document", "SHA-256 du document JSON"),
    "letterhead": Phrase("Its letterhead", "Son en-tête"),
    "recompute": Phrase("Recompute it", "Le recalculer"),
    "time_zones": Phrase("Time-zone data", "Données de fuseaux horaires"),
    "none": Phrase("none", "aucun"),
    # Feeds and badges
    "feed": Phrase("Outages and maintenance, {client}", "Pannes et entretien, {client}"),
    "is_down": Phrase("{server} is down", "{server} est en panne"),
    "was_down": Phrase("{server} was down for {lasted}", "{server} a été en panne pendant {lasted}"),
    "are_down": Phrase("{count} servers are down", "{count} serveurs sont en panne"),
    "were_down": Phrase(
        "{count} servers were down for {lasted}", "{count} serveurs ont été en panne pendant {lasted}"
    ),
    "fact_is": Phrase("{label}: {text}", "{label} : {text}"),
    "of_server": Phrase("{server}, {label}", "{server}, {label}"),
    "withdrawn": Phrase("{window} (withdrawn)", "{window} (retiré)"),
    "state": Phrase("state", "état"),
    "state.up": Phrase("up", "disponible"),
    "state.down": Phrase("down", "en panne"),
    "state.unknown": Phrase("unknown", "inconnu"),
    "badge.availability": Phrase("availability", "disponibilité"),
}

REASONS: Final[Mapping[str, str]] = {
    PlainReason.POWERED_OFF: "hors tension",
    PlainReason.SUSPENDED: "suspendu",
    PlainReason.POWERED_OFF_BY_EVENT: "mis hors tension, selon l’événement de vCenter",
    PlainReason.RESTARTED: "il a été redémarré; l’instant de l’arrêt n’est pas connu",
    PlainReason.DOWN_UNSEEN: (
        "en panne alors que vCenter ne pouvait le dire, selon son heure de démarrage ou des événements"
    ),
    PlainReason.NOT_LISTED: "vCenter ne le répertorie pas",
    PlainReason.FILES_INACCESSIBLE: "ses fichiers sont inaccessibles",
    PlainReason.DATASTORE_NOT_MOUNTED: (
        "une banque de données qui porte ses fichiers n’est pas montée sur son hôte"
    ),
    PlainReason.DATASTORE_NOT_ACCESSIBLE: (
        "une banque de données qui porte ses fichiers n’est pas accessible"
    ),
    PlainReason.TOO_FEW_ANSWER: "trop peu de cibles répondent",
    PlainReason.ADDRESS_FAILED: "sa propre adresse n’a pas répondu comme elle devait",
}
"""Why a leg is down, in French; other sentences of evidence are told as they stand on record."""
