using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Ports;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Actors.Registry;

public sealed class ManualClock : IClock
{
    long _now = 1_700_000_000_000;

    public WallTime Now => new(Interlocked.Read(ref _now));

    public void Advance(TimeSpan span) => Interlocked.Add(ref _now, (long)span.TotalMilliseconds);
}

public sealed class SeededEntropy(int seed) : IEntropy
{
    readonly Random _random = new(seed);

    public void Fill(Span<byte> destination)
    {
        lock (_random)
            _random.NextBytes(destination);
    }
}

/// <summary>Signs as a controller that a network root delegated to.</summary>
public sealed class TestSigner : IMapSigner
{
    readonly SigningPrivateKey _key;
    int _signatures;

    public TestSigner(NetworkId network, SigningPrivateKey root, WallTime now, IEntropy entropy, int epoch = 1)
    {
        _key = new SigningPrivateKey(entropy);
        Controller = TypedId.Create<ControllerId>(entropy);
        Epoch = epoch;
        using var authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=authority", authority, HashAlgorithmName.SHA256)
            .CreateSelfSigned((now - TimeSpan.FromHours(1)).ToDateTimeOffset(), (now + TimeSpan.FromDays(3650)).ToDateTimeOffset());
        Authority = certificate.RawData;
        var delegation = new Delegation(
            network, epoch, Controller, Ed25519.ComputePublicKey(_key), CertificatePin.AuthorityHash(certificate),
            [DelegationRights.IssueCertificates, DelegationRights.SignMaps], now - TimeSpan.FromHours(1), now + TimeSpan.FromDays(365));
        Delegation = DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation), root, "root");
    }

    public ControllerId Controller { get; }

    public int Epoch { get; }

    public DsseEnvelope Delegation { get; }

    /// <summary>The certificate of its authority, in DER.</summary>
    public byte[] Authority { get; }

    public int Signatures => _signatures;

    public DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload)
    {
        if (payloadType == PayloadTypes.MapHead)
            Interlocked.Increment(ref _signatures);
        return DsseEnvelope.Sign(payloadType, payload, _key, Controller.ToString());
    }
}

/// <summary>Is a machine with its keys.</summary>
public sealed class Machine(IEntropy entropy, string hostname)
{
    public SigningPrivateKey SigningKey { get; init; } = new(entropy);

    public string Hostname => hostname;

    public SigningPublicKey Identity => Ed25519.ComputePublicKey(SigningKey);

    public TunnelPublicKey TunnelKey { get; init; } = Draw(entropy);

    public EnrollRequest Request(CredentialString credential, WallTime now)
    {
        byte[] request = [1, 2, 3];
        var signed = EnrollProof.Bytes(credential.Id, credential.RootHash, Identity, TunnelKey, request);
        var proof = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(SigningKey, signed, proof);
        return new EnrollRequest(
            credential.Id, credential.Secret.ToArray(), Identity, TunnelKey, request, hostname, "linux", "1.0", now, proof);
    }

    static TunnelPublicKey Draw(IEntropy entropy)
    {
        var bytes = new byte[32];
        entropy.Fill(bytes);
        return new TunnelPublicKey(bytes);
    }
}
