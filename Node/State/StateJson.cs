using System.Text.Json.Serialization;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Node.State;

/// <summary>Describes what the state directory holds by source generation. Old files stay readable: names do not change.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(WallTimeJsonConverter)],
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(IdentityDocument))]
[JsonSerializable(typeof(NetworkRecord))]
[JsonSerializable(typeof(EndpointRecord))]
[JsonSerializable(typeof(MapTrust))]
sealed partial class StateJson : JsonSerializerContext;
