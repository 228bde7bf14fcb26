using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is what lies on a controller's disk, read as one does who has stolen it: its keys, and all that it can certify with them.</summary>
sealed record StolenDisk(
    NetworkId Network, ControllerId Controller, int Epoch, SigningPublicKey RootKey, DsseEnvelope Delegation, X509Certificate2 Authority,
    ECDsa AuthorityKey, SigningPrivateKey Signing, SigningPrivateKey? Root)
{
    const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Reads a state directory; the root's key is there only where nobody moved it away.</summary>
    public static StolenDisk Read(string state)
    {
        var identity = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(state, "controller.json"))).RootElement;
        var authorityKey = ECDsa.Create();
        authorityKey.ImportFromPem(File.ReadAllText(Path.Combine(state, "authority.key")));
        return new StolenDisk(
            TypedId.Parse<NetworkId>(identity.GetProperty("network").GetString()),
            TypedId.Parse<ControllerId>(identity.GetProperty("controller").GetString()),
            identity.GetProperty("epoch").GetInt32(),
            TypedOctets.Parse<SigningPublicKey>(identity.GetProperty("root_key").GetString()),
            ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(identity.GetProperty("delegation").GetRawText()), ProtocolJson.Default.DsseEnvelope, out var delegation)
                ? delegation : throw new InvalidDataException("controller.json"),
            X509CertificateLoader.LoadCertificate(identity.GetProperty("authority").GetBytesFromBase64()),
            authorityKey, Seed("signing.key"), File.Exists(Path.Combine(state, "root.key")) ? Seed("root.key") : null);

        SigningPrivateKey Seed(string file) => new(Convert.FromBase64String(File.ReadLines(Path.Combine(state, file)).Last(line => line.Length > 0)));
    }

    /// <summary>Certifies what answers nodes.</summary>
    public X509Certificate2 IssueServer() => Issue(CertificatePin.ControllerName, ServerAuthentication, isController: true);

    /// <summary>Certifies what one controller presents to another.</summary>
    public X509Certificate2 IssueMember() => Issue(CertificatePin.ControllerName, ClientAuthentication, isController: true);

    /// <summary>Certifies a node, whether there is one or not.</summary>
    public X509Certificate2 IssueNode(NodeId node) => Issue(node.ToString(), ClientAuthentication, isController: false);

    /// <summary>Signs a changed delegation.</summary>
    public DsseEnvelope Delegate(Func<Delegation, Delegation> change, SigningPrivateKey by)
    {
        ProtocolJson.TryDecode(Delegation.Payload, ProtocolJson.Default.Delegation, out var statement);
        return DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(change(statement!), ProtocolJson.Default.Delegation), by, "root");
    }

    /// <summary>Asks a controller of the network something with a certificate.</summary>
    public HttpClient Present(X509Certificate2 certificate, Netns from, LabController to) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
            RemoteCertificateValidationCallback = (_, presented, _, _) => presented is X509Certificate2 controller
                && CertificatePin.VerifyController(controller, Sha256.Hash(RootKey.Value.Span), WallTime.From(DateTimeOffset.UtcNow), out _) == PinRefusal.None,
        },
        ConnectCallback = async (_, cancel) =>
        {
            var socket = NetnsSocket.Create(from, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPEndPoint.Parse(to.Endpoint), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri($"https://{CertificatePin.ControllerName}"),
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromSeconds(10),
    };

    X509Certificate2 Issue(string name, string use, bool isController)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (isController)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(CertificatePin.ControllerName);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new PinExtension(RootKey, Delegation, Authority.RawData).Encode());
        }
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Authority, true, false));
        using var certificate = request.Create(Authority.SubjectName, X509SignatureGenerator.CreateForECDsa(AuthorityKey),
            DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(16));
        // An ephemeral key is no use to the TLS library until it has been through PKCS #12.
        using var own = certificate.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null);
    }
}
