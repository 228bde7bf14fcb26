using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Ports;
using Mesh.Controller.Keys;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Tls;

/// <summary>
/// Holds a certificate of the controller itself and makes a new one when a third of its life is over, when the clock has left its
/// validity, and when the delegation in it was renewed. The private key never leaves memory. Safe for concurrent use.
/// </summary>
sealed class OwnCertificate
{
    readonly ControllerKeys _keys;
    readonly IClock _clock;
    readonly Func<PinExtension, WallTime, X509Certificate2> _issue;
    readonly Lock _gate = new();
    Made? _current;

    OwnCertificate(ControllerKeys keys, IClock clock, Func<PinExtension, WallTime, X509Certificate2> issue) =>
        (_keys, _clock, _issue) = (keys, clock, issue);

    /// <summary>Holds what the API answers with.</summary>
    public static OwnCertificate ForServer(ControllerKeys keys, IClock clock) => new(keys, clock, keys.Authority.IssueServer);

    /// <summary>Holds what this controller presents to other controllers.</summary>
    public static OwnCertificate ForClient(ControllerKeys keys, IClock clock) => new(keys, clock, keys.Authority.IssueClient);

    /// <summary>Gets the certificate for a new connection.</summary>
    public SslStreamCertificateContext Current()
    {
        var now = _clock.Now;
        lock (_gate)
        {
            var delegation = _keys.Delegation;
            if (_current is { } made && now >= made.At && now < made.RenewAt && ReferenceEquals(made.Delegation, delegation))
                return made.Context;
            // The one before stays alive: handshakes may still be using it. There are a few in a week.
            var certificate = _issue(new PinExtension(_keys.RootKey, delegation, _keys.Authority.Certificate.RawData), now);
            var context = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
            _current = new Made(context, delegation, now, now + CertificateAuthority.OwnLifetime / 3);
            return context;
        }
    }

    sealed record Made(SslStreamCertificateContext Context, DsseEnvelope Delegation, WallTime At, WallTime RenewAt);
}
