using System.Text.Json.Serialization;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Audit;

// What an export consists of, one line of JSON each. Who verifies one reads it with types of its own (Verification/).

/// <summary>Is the first line: whose journal it is and where the stretch begins.</summary>
/// <param name="Format"><c>mesh-audit</c>.</param>
/// <param name="Version">1.</param>
/// <param name="Network">The network.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Delegations">The root's delegations of all controllers, that of the one which signs the export among them.</param>
/// <param name="From">Where the chain stands before the first entry.</param>
/// <param name="Payloads">Whether the entries hold the payloads themselves or only their hashes.</param>
sealed record ExportHead(
    string Format, int Version, NetworkId Network, SigningPublicKey RootKey, IReadOnlyList<DsseEnvelope> Delegations, AuditHead From,
    bool Payloads);

/// <summary>Is the line of one event.</summary>
/// <param name="Ordering">Its place in the journal.</param>
/// <param name="Id">The entity.</param>
/// <param name="Number">Its number among the entity's events.</param>
/// <param name="Created">When it was stored, in milliseconds since 1970-01-01 UTC.</param>
/// <param name="Manifest">Its name with its version.</param>
/// <param name="Chain">The chain's value after it.</param>
/// <param name="Command">The command that caused it.</param>
/// <param name="Payload">The event as the journal holds it: base64 of JSON.</param>
/// <param name="PayloadHash">Its hash, where the payload is withheld or was pruned.</param>
sealed record ExportEntry(
    long Ordering, string Id, long Number, long Created, string Manifest, Digest256 Chain, string? Command, byte[]? Payload,
    Digest256? PayloadHash);

/// <summary>Is the last line: the signed <see cref="AuditStretch"/>.</summary>
sealed record ExportEnd(DsseEnvelope Stretch);

/// <summary>Is the last line in place of <see cref="ExportEnd"/> where the export broke off.</summary>
/// <param name="Problem">Why, in one line.</param>
sealed record ExportProblem(string Problem)
{
    /// <summary>How such a line begins, and no other.</summary>
    public const string Prefix = """{"problem":""";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ExportHead))]
[JsonSerializable(typeof(ExportEntry))]
[JsonSerializable(typeof(ExportEnd))]
[JsonSerializable(typeof(ExportProblem))]
sealed partial class ExportJson : JsonSerializerContext;
