using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Keys;

/// <summary>Is what is public about a controller, as <c>controller.json</c> in the state directory keeps it.</summary>
/// <param name="Network">The network.</param>
/// <param name="Controller">The controller.</param>
/// <param name="Epoch">The epoch that it signs maps for.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Authority">The certificate of its authority, in DER.</param>
/// <param name="Delegation">The root's signed delegation.</param>
sealed record ControllerIdentity(
    NetworkId Network,
    ControllerId Controller,
    int Epoch,
    SigningPublicKey RootKey,
    byte[] Authority,
    DsseEnvelope Delegation);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [typeof(WallTimeJsonConverter)],
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ControllerIdentity))]
sealed partial class IdentityJson : JsonSerializerContext;
