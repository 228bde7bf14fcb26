using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Verification;

// An export's lines as its verifier understands them, without a type of the one who wrote it. Every member is there or is absent exactly
// as the format says, and what is read must be, byte by byte, what would be written: nothing can hide between the two.

sealed record FirstLine(
    string Format, int Version, NetworkId Network, SigningPublicKey RootKey, IReadOnlyList<DsseEnvelope> Delegations, AuditHead From, bool Payloads);

sealed record EntryLine(
    long Ordering, string Id, long Number, long Created, string Manifest, Digest256 Chain, string? Command = null, byte[]? Payload = null,
    Digest256? PayloadHash = null);

sealed record LastLine(DsseEnvelope Stretch);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(FirstLine))]
[JsonSerializable(typeof(EntryLine))]
[JsonSerializable(typeof(LastLine))]
sealed partial class LineJson : JsonSerializerContext
{
    /// <summary>Reads a line; null where it is none of that kind, or not as it would be written.</summary>
    public static T? Read<T>(ReadOnlySpan<byte> line, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(line, type) is { } read && line.SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(read, type)) ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
