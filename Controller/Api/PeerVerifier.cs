using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Api;

/// <summary>
/// Tells who presents a TLS certificate: a node, by a certificate of any controller that speaks for the network now, or such a
/// controller itself. Which these are, the projection says at every call: who was withdrawn counts no longer from then on, and what
/// it has issued neither. Safe for concurrent use.
/// </summary>
sealed class PeerVerifier(NetworkQueries queries, ControllerKeys keys, IClock clock)
{
    volatile Authorities? _known;

    /// <summary>
    /// Reads who it is: a <see cref="PeerNode"/>, a <see cref="PeerController"/>, or null. A node is also told where its certificate has
    /// expired, because it must still be able to ask for the next one.
    /// </summary>
    public object? Identify(X509Certificate2 certificate)
    {
        var now = clock.Now;
        var known = Known();
        if (PinExtension.TryRead(certificate, out _))
        {
            var expected = new PinExpectation(keys.Network, keys.Epoch, known.Withdrawn);
            return CertificatePin.VerifyControllerAsClient(certificate, keys.RootHash, now, out var controller, expected) == PinRefusal.None
                && known.Controllers.ContainsKey(controller!.Delegation.Controller)
                ? new PeerController(controller.Delegation.Controller)
                : null;
        }
        foreach (var authority in known.ByKey[KeyOf(certificate)])
        {
            if (!authority.Speaks(now))
                continue;
            var refusal = CertificatePin.VerifyNode(certificate, authority.Certificate, now, out var node);
            if (refusal is PinRefusal.None or PinRefusal.Expired)
                return new PeerNode(node, WallTime.From(certificate.NotAfter), authority.Controller);
        }
        return null;
    }

    /// <summary>Tells whether a controller speaks for the network now: delegated, in its time, and not withdrawn.</summary>
    public bool Speaks(ControllerId controller) =>
        Known().ByController.TryGetValue(controller, out var authority) && authority.Speaks(clock.Now);

    Authorities Known()
    {
        var controllers = queries.View.Controllers;
        if (_known is { } known && ReferenceEquals(known.Controllers, controllers))
            return known;
        // Several threads may make it at once; they make the same.
        var made = new Authorities(controllers, keys);
        _known = made;
        return made;
    }

    static string KeyOf(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier is { } key
            ? Convert.ToHexString(key.Span)
            : "";

    sealed class Authorities
    {
        public Authorities(ImmutableDictionary<ControllerId, ControllerView> controllers, ControllerKeys keys)
        {
            Controllers = controllers;
            Withdrawn = [.. controllers.Values.Where(one => one.Withdrawn).Select(one => one.Id)];
            var found = new List<Authority>();
            foreach (var one in controllers.Values)
            {
                if (!one.Withdrawn && one.Id != keys.Controller && one.Authority is { } bytes && Read(one, bytes, keys) is { } authority)
                    found.Add(authority);
            }
            // Its own record is written once it listens, and it may have been renewed since.
            if (!Withdrawn.Contains(keys.Controller))
                found.Add(new Authority(keys.Controller, keys.Authority.Certificate, () => keys.DelegationStatement));
            ByController = found.ToImmutableDictionary(one => one.Controller);
            ByKey = found.ToLookup(one => one.Certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()?.SubjectKeyIdentifier ?? "");
        }

        public ImmutableDictionary<ControllerId, ControllerView> Controllers { get; }

        public ImmutableArray<ControllerId> Withdrawn { get; }

        public ImmutableDictionary<ControllerId, Authority> ByController { get; }

        // A stranger's authority may claim the key identifier of another: it is only a hint which to try.
        public ILookup<string, Authority> ByKey { get; }

        // The journal was checked when it was written; whoever can write to it past the program is checked here.
        static Authority? Read(ControllerView view, byte[] bytes, ControllerKeys keys)
        {
            if (!view.Delegation.Verify(PayloadTypes.Delegation, keys.RootKey)
                || !ProtocolJson.TryDecode(view.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation)
                || delegation.Network != keys.Network || delegation.Controller != view.Id || delegation.Epoch < keys.Epoch
                || !delegation.Rights.Contains(DelegationRights.IssueCertificates)
                || !CertificatePin.IsAuthority(bytes, delegation.AuthorityHash))
                return null;
            return new Authority(view.Id, X509CertificateLoader.LoadCertificate(bytes), () => delegation);
        }
    }

    sealed record Authority(ControllerId Controller, X509Certificate2 Certificate, Func<Delegation> Delegation)
    {
        public bool Speaks(WallTime now) => Delegation() is var delegation && now >= delegation.NotBefore && now <= delegation.NotAfter;
    }
}
