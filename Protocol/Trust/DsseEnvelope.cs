using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Trust;

/// <summary>
/// Is a signed statement in the Dead Simple Signing Envelope, version 1.0.2: the payload's exact bytes, their type, and one
/// Ed25519 signature over <c>"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload</c> (the pre-authentication encoding).
/// What was signed is what is parsed: nobody re-encodes anything. Immutable.
/// </summary>
public sealed record DsseEnvelope(
    [property: JsonPropertyName("payloadType")] string PayloadType,
    [property: JsonPropertyName("payload")] byte[] Payload,
    [property: JsonPropertyName("signatures")] IReadOnlyList<DsseSignature> Signatures)
{
    /// <summary>Signs a payload.</summary>
    /// <param name="payloadType">Says what the payload is; a verifier names the type it expects.</param>
    /// <param name="payload">The bytes to sign.</param>
    /// <param name="key">The Ed25519 private key.</param>
    /// <param name="keyId">Tells the verifier which key to try; it is a hint and not authenticated.</param>
    public static DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload, SigningPrivateKey key, string keyId)
    {
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(key.Span, PreAuthenticationEncoding(payloadType, payload), signature);
        return new DsseEnvelope(payloadType, payload.ToArray(), [new DsseSignature(keyId, signature)]);
    }

    /// <summary>Tells whether the payload is of the expected type and one of the signatures on it is by the given key.</summary>
    public bool Verify(string expectedType, SigningPublicKey key)
    {
        if (!string.Equals(PayloadType, expectedType, StringComparison.Ordinal) || Signatures.Count is 0 or > MaximumSignatures)
            return false;
        var signed = PreAuthenticationEncoding(PayloadType, Payload);
        foreach (var signature in Signatures)
        {
            if (signature?.Sig.Length == Ed25519.SignatureSize && Ed25519.Verify(key.Value.Span, signed, signature.Sig))
                return true;
        }
        return false;
    }

    /// <summary>Gets the key id of the first signature, or the empty text.</summary>
    [JsonIgnore]
    public string KeyId => Signatures.Count == 0 ? "" : Signatures[0].KeyId;

    // A lying peer may send many signatures to make the receiver verify them all.
    const int MaximumSignatures = 4;

    static byte[] PreAuthenticationEncoding(string payloadType, ReadOnlySpan<byte> payload)
    {
        var type = Encoding.UTF8.GetBytes(payloadType);
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {type.Length} {payloadType} {payload.Length} "));
        var encoded = new byte[head.Length + payload.Length];
        head.CopyTo(encoded, 0);
        payload.CopyTo(encoded.AsSpan(head.Length));
        return encoded;
    }
}

/// <summary>Is one signature of a <see cref="DsseEnvelope"/>.</summary>
public sealed record DsseSignature(
    [property: JsonPropertyName("keyid")] string KeyId,
    [property: JsonPropertyName("sig")] byte[] Sig);
