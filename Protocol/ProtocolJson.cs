using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Protocol;

/// <summary>
/// Describes every JSON document that crosses the wire between node and controller, by source generation: snake_case names,
/// properties in the order of their declaration, absent values left out, no white space. These are the canonical bytes wherever
/// a hash or a signature covers a document.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(WallTimeJsonConverter)],
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Delegation))]
[JsonSerializable(typeof(MapHead))]
[JsonSerializable(typeof(DsseEnvelope))]
[JsonSerializable(typeof(MapBody))]
[JsonSerializable(typeof(MapLeaf))]
[JsonSerializable(typeof(MapFrame))]
[JsonSerializable(typeof(EndpointHint))]
[JsonSerializable(typeof(PresenceHint))]
[JsonSerializable(typeof(DownFrame))]
[JsonSerializable(typeof(UpFrame))]
[JsonSerializable(typeof(EnrollRequest))]
[JsonSerializable(typeof(EnrollReply))]
[JsonSerializable(typeof(CertificateRequestMessage))]
[JsonSerializable(typeof(CertificateReply))]
[JsonSerializable(typeof(KeyRotationRequest))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(AuditStretch))]
[JsonSerializable(typeof(AuditAnswer))]
public sealed partial class ProtocolJson : JsonSerializerContext
{
    /// <summary>Encodes a document to its canonical bytes.</summary>
    public static byte[] Encode<T>(T document, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(document, type);

    /// <summary>Decodes a document; false where the bytes are not one, whatever they are.</summary>
    public static bool TryDecode<T>(ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? document)
        where T : class
    {
        try
        {
            document = JsonSerializer.Deserialize(bytes, type);
            return document is not null;
        }
        catch (JsonException)
        {
            document = null;
            return false;
        }
    }
}
