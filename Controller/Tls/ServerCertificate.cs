using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Ports;
using Mesh.Controller.Keys;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Tls;

/// <summary>
/// Holds the certificate that the API answers with and makes a new one when a third of its life is over, when the clock has left
/// its validity, and when the delegation in it was renewed. The private key never leaves memory. Safe for concurrent use.
/// </summary>
sealed class ServerCertificate(ControllerKeys keys, IClock clock)
{
    readonly Lock _gate = new();
    Made? _current;

    /// <summary>Gets the certificate for a new connection.</summary>
    public SslStreamCertificateContext Current()
    {
        var now = clock.Now;
        lock (_gate)
        {
            if (_current is { } made && now >= made.At && now < made.RenewAt && ReferenceEquals(made.Delegation, keys.Delegation))
                return made.Context;
            // The one before stays alive: handshakes may still be using it. There are a few in a week.
            var delegation = keys.Delegation;
            var certificate = keys.Authority.IssueServer(
                new PinExtension(keys.RootKey, delegation, keys.Authority.Certificate.RawData), now);
            var context = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
            _current = new Made(context, delegation, now, now + CertificateAuthority.ServerLifetime / 3);
            return context;
        }
    }

    sealed record Made(SslStreamCertificateContext Context, DsseEnvelope Delegation, WallTime At, WallTime RenewAt);
}
