using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Keys;

/// <summary>
/// Asks the network root to let a controller speak for the network, or to let it speak for longer. It holds nothing secret, and nothing is
/// believed because of it: whoever has the root key compares what it says with what the controller showed.
/// </summary>
/// <param name="Kind">Always <see cref="Version"/>.</param>
/// <param name="Network">The network.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Epoch">The network's epoch.</param>
/// <param name="Controller">The controller.</param>
/// <param name="SigningKey">The key that it will sign maps with.</param>
/// <param name="AuthorityHash">SHA-256 over the DER SubjectPublicKeyInfo of its certificate authority.</param>
sealed record DelegationRequest(
    string Kind, NetworkId Network, SigningPublicKey RootKey, int Epoch, ControllerId Controller, SigningPublicKey SigningKey,
    Digest256 AuthorityHash)
{
    /// <summary>Says what the document is.</summary>
    public const string Version = "mesh-delegation-request-v1";

    /// <summary>What a controller is let do.</summary>
    public static readonly IReadOnlyList<string> Rights = [DelegationRights.IssueCertificates, DelegationRights.SignMaps];

    /// <summary>Gets what a person compares on both machines: SHA-256 over the signing key and the authority's hash.</summary>
    [JsonIgnore]
    public Digest256 KeyHash => Sha256.Hash(SigningKey.Value.Span, AuthorityHash.Value.Span);

    /// <summary>Asks for what a delegation says, from now on.</summary>
    public static DelegationRequest Of(Delegation delegation, SigningPublicKey rootKey) => new(
        Version, delegation.Network, rootKey, delegation.Epoch, delegation.Controller, delegation.SigningKey, delegation.AuthorityHash);

    /// <summary>Reads a request; <paramref name="name"/> begins every error.</summary>
    /// <exception cref="CommandException">It is none (65).</exception>
    public static DelegationRequest Parse(string text, string name)
    {
        try
        {
            if (JsonSerializer.Deserialize(text, RequestJson.Default.DelegationRequest) is { Kind: Version, Epoch: >= 1 } request)
                return request;
        }
        catch (JsonException)
        {
            // Whatever it is, it is no request.
        }
        throw new CommandException(
            ExitCode.BadInput, $"{name} is not a request of 'mesh-controller cluster join' or 'cluster renew': copy it again, whole");
    }

    /// <summary>Reads a delegation as <see cref="Print(DsseEnvelope)"/> wrote it; <paramref name="name"/> begins every error.</summary>
    /// <exception cref="CommandException">It is none (65).</exception>
    public static DsseEnvelope ParseDelegation(string text, string name) =>
        ProtocolJson.TryDecode(System.Text.Encoding.UTF8.GetBytes(text), ProtocolJson.Default.DsseEnvelope, out var envelope)
            ? envelope
            : throw new CommandException(
                ExitCode.BadInput, $"{name} is not a delegation: it is what 'mesh-controller cluster sign' prints on standard output");

    /// <summary>Prints a delegation as a file.</summary>
    public static string Print(DsseEnvelope delegation) =>
        System.Text.Encoding.UTF8.GetString(ProtocolJson.Encode(delegation, ProtocolJson.Default.DsseEnvelope)) + "\n";

    /// <summary>Prints the request as a file.</summary>
    public string Print() => JsonSerializer.Serialize(this, RequestJson.Default.DelegationRequest) + "\n";

    /// <summary>Signs what is asked for, for a year.</summary>
    /// <exception cref="CommandException">The key is not this network's root (77).</exception>
    public (Delegation Statement, DsseEnvelope Envelope) Sign(SigningPrivateKey root, WallTime now, string rootName)
    {
        if (Ed25519.ComputePublicKey(root) != RootKey)
            throw new CommandException(ExitCode.Refused, $"{rootName} is the root key of another network than {Network}");
        var statement = new Delegation(
            Network, Epoch, Controller, SigningKey, AuthorityHash, Rights, now - CertificateAuthority.Backdating,
            now + ControllerKeys.DelegationLifetime);
        return (statement, DsseEnvelope.Sign(
            PayloadTypes.Delegation, ProtocolJson.Encode(statement, ProtocolJson.Default.Delegation), root, "root"));
    }

    /// <summary>Reads a delegation and checks that it is the root's answer to this request; <paramref name="name"/> begins every error.</summary>
    /// <exception cref="CommandException">It is not by this root, for another controller, or out of its time (77).</exception>
    public Delegation Check(DsseEnvelope envelope, WallTime now, string name)
    {
        if (!envelope.Verify(PayloadTypes.Delegation, RootKey)
            || !ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.Delegation, out var statement)
            || statement.Network != Network)
            throw new CommandException(ExitCode.Refused, $"{name} is not signed by the root of network {Network}");
        if (statement.Controller != Controller || statement.SigningKey != SigningKey || statement.AuthorityHash != AuthorityHash)
            throw new CommandException(
                ExitCode.Refused, $"{name} is for controller {statement.Controller} or for other keys of it, not for this {Controller}: sign the newest request");
        if (statement.Epoch != Epoch)
            throw new CommandException(ExitCode.Refused, $"{name} is of epoch {statement.Epoch}, the network is in epoch {Epoch}: sign the newest request");
        if (Rights.Except(statement.Rights, StringComparer.Ordinal).Any())
            throw new CommandException(ExitCode.Refused, $"{name} lacks a right that a controller needs: {string.Join(", ", Rights)}");
        if (now < statement.NotBefore || now > statement.NotAfter)
            throw new CommandException(
                ExitCode.Refused, $"{name} counts from {statement.NotBefore} to {statement.NotAfter}, and it is {now} here: sign the request again");
        return statement;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(DelegationRequest))]
sealed partial class RequestJson : JsonSerializerContext;
