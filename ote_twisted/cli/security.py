"""How ``otectl`` speaks TLS to a controller, by what the kubeconfig says."""

from __future__ import annotations

from typing import Any

from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ote_twisted.cli.errors import CommandError
from ote_twisted.cli.kubeconfig import Server

_END = b"-----END CERTIFICATE-----"


@implementer(IPolicyForHTTPS)
class ServerPolicy:
    """Trusts what the kubeconfig says, and shows its client certificate."""

    def __init__(self, server: Server) -> None:
        """
        :raise CommandError: a certificate or the key is none.
        """
        try:
            self._trust = _trust(server)
            self._identity = _identity(server)
        except Exception:
            raise CommandError(f"context {server.name!r}: its CA, client certificate or client key is not PEM") from None

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """Options for one connection."""
        return optionsForClientTLS(hostname.decode("ascii"), self._trust, self._identity)


def policy(server: Server) -> IPolicyForHTTPS:
    """The policy for a server.

    :raise CommandError: the kubeconfig asks for TLS without verification, or a certificate is none.
    """
    if not server.url.startswith("https:"):
        plain: IPolicyForHTTPS = BrowserLikePolicyForHTTPS()
        return plain
    if server.insecure:
        raise CommandError("otectl does not skip the verification of certificates; put the CA's certificate into the kubeconfig")
    return ServerPolicy(server)


def _trust(server: Server) -> Any:
    if server.authority is None:
        return platformTrust()
    parts = server.authority.split(_END)[:-1]
    return trustRootFromCertificates([Certificate.loadPEM(part + _END) for part in parts])


def _identity(server: Server) -> PrivateCertificate | None:
    if server.certificate is None or server.key is None:
        return None
    identity: PrivateCertificate = PrivateCertificate.loadPEM(server.certificate + b"\n" + server.key)
    return identity
