"""Wires everything. The only module that knows every package, and the only one importing views."""

from collections.abc import Callable

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from marketplace.accounts import identity
from marketplace.accounts import team_views as accounts_team_views
from marketplace.accounts import views as accounts_views
from marketplace.admin import agency_views as admin_agency_views
from marketplace.admin import announcement_views as admin_announcement_views
from marketplace.admin import list_views as admin_list_views
from marketplace.admin import moderation_views as admin_moderation_views
from marketplace.admin import money_views as admin_money_views
from marketplace.admin import people_views as admin_people_views
from marketplace.admin import views as admin_views
from marketplace.archive import workspace_views as archive_workspace_views
from marketplace.bookings import card_views as bookings_card_views
from marketplace.bookings import request_views as bookings_request_views
from marketplace.bookings import views as bookings_views
from marketplace.bookings import workspace_views as bookings_workspace_views
from marketplace.core import assets, context, health, logs, pages, web
from marketplace.core.config import Config
from marketplace.core.db import open_session
from marketplace.desk import queue_views as desk_queue_views
from marketplace.desk import views as desk_views
from marketplace.discovery import compare_views as discovery_compare_views
from marketplace.discovery import views as discovery_views
from marketplace.imports import views as imports_views
from marketplace.listings import approval_views as listings_approval_views
from marketplace.listings import availability_views as listings_availability_views
from marketplace.listings import editor_views as listings_editor_views
from marketplace.listings import invited_views as listings_invited_views
from marketplace.listings import new_listing_views as listings_new_listing_views
from marketplace.listings import place_views as listings_place_views
from marketplace.listings import report_views as listings_report_views
from marketplace.listings import signing_views as listings_signing_views
from marketplace.listings import views as listings_views
from marketplace.listings import workspace_views as listings_workspace_views
from marketplace.notifications import views as notifications_views
from marketplace.numbers import views as numbers_views
from marketplace.payments import payout_views as payments_payout_views
from marketplace.payments import views as payments_views
from marketplace.placements import attending_views as placements_attending_views
from marketplace.placements import link_views as placements_link_views
from marketplace.placements import own_views as placements_own_views
from marketplace.reviews import views as reviews_views
from marketplace.saved import views as saved_views
from marketplace.search import views as search_views
from marketplace.storefront import domains
from marketplace.storefront import site_views as storefront_site_views
from marketplace.storefront import views as storefront_views
from marketplace.storefront import workspace_views as storefront_workspace_views
from marketplace.tenants import hosts
from marketplace.verification import admin_views as verification_admin_views
from marketplace.verification import signup_views as verification_signup_views
from marketplace.verification import views as verification_views
from marketplace.wiring import create_core

ROOMS = (
    search_views.room,
    saved_views.room,
    saved_views.mine,
    discovery_views.room,
    discovery_compare_views.room,
    storefront_views.room,
    storefront_workspace_views.workspace,
    storefront_site_views.site,
    archive_workspace_views.workspace,
    listings_views.room,
    listings_workspace_views.workspace,
    listings_new_listing_views.beginning,
    listings_editor_views.editor,
    listings_place_views.places_room,
    listings_availability_views.calendar,
    listings_approval_views.approvals,
    listings_signing_views.signing_room,
    listings_invited_views.invited_room,
    listings_report_views.reports,
    imports_views.room,
    accounts_views.room,
    accounts_views.mine,
    accounts_team_views.team,
    accounts_team_views.joining,
    bookings_views.mine,
    bookings_request_views.steps,
    bookings_card_views.cards,
    bookings_workspace_views.workspace,
    desk_queue_views.queue,
    desk_views.room,
    numbers_views.room,
    payments_views.hooks,
    payments_payout_views.payouts_room,
    placements_link_views.link,
    placements_attending_views.mine,
    placements_own_views.own,
    reviews_views.mine,
    reviews_views.workspace,
    notifications_views.mine,
    notifications_views.desk,
    verification_signup_views.door,
    verification_signup_views.owner,
    verification_views.desk,
    verification_admin_views.office,
    admin_views.room,
    admin_people_views.room,
    admin_agency_views.room,
    admin_money_views.room,
    admin_moderation_views.room,
    admin_list_views.room,
    admin_announcement_views.room,
    health.room,
)


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application; refuses to start on unsafe settings (core.config)."""
    config = config or Config.from_env()
    logs.configure()
    app = create_core(config)
    app.jinja_environment = pages.Templates
    identity.init_app(app)
    web.init_app(app, identity.identify)
    assets.init_app(app)
    pages.init_app(app)
    for room in ROOMS:
        app.register_blueprint(room)
    led = hosts.Storefronts(app.wsgi_app, config.base_url, own_hosts(app), strict=not config.demo)
    # who asks is the proxy, unless we are told how many stand in front: limits on attempts would
    # lock out everybody together. Only the address is taken over: never a host, never a scheme.
    behind = ProxyFix(led, x_for=config.proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0)
    app.wsgi_app = behind  # type: ignore[method-assign]
    return app


def own_hosts(app: Flask) -> Callable[[str], str | None]:
    """Which public agency has proved a host name to be its own."""

    def agency_at(host: str) -> str | None:
        with app.app_context(), open_session(context.public(), readonly=True) as session:
            return domains.agency_at(session, host)

    return agency_at
