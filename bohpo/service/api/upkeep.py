"""What an administrator asks: who may use the service, who asked for what, and what to measure."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path
from pydantic import Field

from bohpo.service.answers import Answer
from bohpo.service.api.launches import Body
from bohpo.service.api.parameters import After, Limit, Sent
from bohpo.service.audits import audited
from bohpo.service.security.tokens import NAME, Scope, Token
from bohpo.service.site import Asking, AtSite, Operating

router = APIRouter(tags=["upkeep"])

TokenId: TypeAlias = Annotated[str, Path(max_length=64, description="Id of a token")]


class TokenAnswer(Answer):
    """A token; what it is, nobody can tell."""

    id: str
    name: str
    scope: Scope
    created: float
    expires: float | None


class TokenBody(Body):
    """A token to be made."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    scope: Scope = Scope.VIEW
    days: float | None = Field(default=30.0, gt=0, lt=100_000)


class TokensSent(Sent):
    """The tokens that hold."""

    tokens: list[TokenAnswer]


class TokenSent(Sent):
    """A token, with its secret if it was just made: it is told this once."""

    token: TokenAnswer
    secret: str | None = None


class AuditAnswer(Answer):
    """Something that somebody asked the service to do; see `bohpo.store.Audit`."""

    number: int
    time: float
    who: str
    address: str
    action: str
    campaign: str | None
    detail: str


class AuditSent(Sent):
    """Who asked for what, in order."""

    audit: list[AuditAnswer]


@router.get("/tokens")
def list_tokens(site: AtSite, asking: Operating) -> TokensSent:
    """List the tokens that hold."""
    return TokensSent(tokens=[token_answer(token) for token in site.tokens.all() if not token.has_expired])


@router.post("/tokens", status_code=201)
async def add_token(body: TokenBody, site: AtSite, asking: Asking) -> TokenSent:
    """Make a token."""
    async with audited(site, asking, "token-add", detail=f"{body.name}, {body.scope}"):
        made, secret = await site.pools.launches.run(lambda: site.tokens.add(body.name, body.scope, days=body.days))
    return TokenSent(token=token_answer(made), secret=secret)


@router.delete("/tokens/{token_id}")
async def revoke_token(token_id: TokenId, site: AtSite, asking: Asking) -> TokenSent:
    """Take a token back; it holds no longer from this moment on."""
    async with audited(site, asking, "token-revoke", detail=token_id):
        gone = await site.pools.launches.run(lambda: site.tokens.revoke(token_id))
    return TokenSent(token=token_answer(gone))


@router.get("/audit")
def list_audit(site: AtSite, asking: Operating, after: After = 0, limit: Limit = 200) -> AuditSent:
    """Tell who asked for what: the latest, in order."""
    names = ("number", "time", "who", "address", "action", "campaign", "detail")
    found = site.store.audits(after, limit)
    return AuditSent(audit=[AuditAnswer(**{name: getattr(known, name) for name in names}) for known in found])


def token_answer(token: Token) -> TokenAnswer:
    """Tell of a token."""
    return TokenAnswer(id=token.id, name=token.name, scope=token.scope, created=token.created, expires=token.expires)
