using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Backup;

/// <summary>Is the first line of a backup: whose it is, and by whose word.</summary>
/// <param name="Format"><see cref="BackupFile.Format"/>.</param>
/// <param name="Version"><see cref="BackupFile.Version"/>.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Delegation">The root's delegation of the controller that took the backup.</param>
sealed record BackupHead(string Format, int Version, SigningPublicKey RootKey, DsseEnvelope Delegation);

/// <summary>Is what the last line of a backup signs, as <see cref="BackupFile.PayloadType"/>.</summary>
/// <param name="Network">The network.</param>
/// <param name="Controller">The controller that took it.</param>
/// <param name="Epoch">The epoch that it was in.</param>
/// <param name="TakenAt">When.</param>
/// <param name="Program">The version of its program.</param>
/// <param name="Rows">How many rows the journal had.</param>
/// <param name="Revision">The ordering of the last.</param>
/// <param name="Content">SHA-256 over all lines before, line feeds included.</param>
sealed record BackupStatement(
    NetworkId Network, ControllerId Controller, int Epoch, WallTime TakenAt, string Program, long Rows, long Revision, Digest256 Content);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [typeof(WallTimeJsonConverter)],
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(BackupHead))]
[JsonSerializable(typeof(BackupStatement))]
sealed partial class BackupJson : JsonSerializerContext;
